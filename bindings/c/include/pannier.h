/* pannier's C interface: the whole of it, in C99, over one shared library (libpannier.so). Long, because a header is where
 * a foreign host reads what it may rely on.
 *
 * Conventions, which hold for every function below:
 *
 *  Names      pnr_<object>_<verb>. Only these names are visible in the library.
 *  Handles    are opaque and typed. What pnr_x_open(), _create(), _fit() or _load() gave is given back with pnr_x_free();
 *             freeing NULL does nothing, and handles may be freed in any order: an engine keeps its store alive.
 *  Failures   Every call that can fail returns a pnr_status and takes a pnr_error that may be NULL. After the call `error`
 *             tells how it went. On failure no output is written and nothing has changed; the one exception is `*needed`
 *             with PNR_BUFFER_TOO_SMALL. Accessors cannot fail: for a NULL handle or a slot out of range they return
 *             NULL, zero or false.
 *  Texts      are a pointer and a length in bytes, UTF-8, without a NUL at the end. NULL is a text of length 0. Paths are
 *             the bytes that the operating system takes.
 *  Structs    that callers fill in begin with `struct_size` and are prepared by pnr_x_init(&x, sizeof x), which puts the
 *             defaults in. Later versions append fields: a program built with an older header keeps working, and one built
 *             with a newer header is refused only where it sets a field that this library does not know.
 *  Items      are 64-bit keys, the same in every process, language and release: pnr_item_key(). Models that were fitted on
 *             a matrix speak of its columns instead.
 *  Time       is UTC microseconds since 1970-01-01.
 *  Threads    "Thread-safe": any number of threads at once. "One thread": one at a time. Serving starts no thread, and
 *             works before and after fork().
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PANNIER_H
#define PANNIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define PNR_API __attribute__((visibility("default")))
#else
#define PNR_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* --- Failures ------------------------------------------------------------------------------------------------------ */

/** How a call went: PNR_OK or what failed. The numbers never change. */
typedef int32_t pnr_status;
enum {
  PNR_OK = 0,
  PNR_INVALID_ARGUMENT = 1,   /**< A mistake of the caller: an argument, option or setting out of its range. */
  PNR_NOT_FOUND = 2,          /**< A file, store, generation or item that is not there. */
  PNR_MALFORMED_INPUT = 3,    /**< Bytes that are not what they claim to be. */
  PNR_IO_FAILURE = 4,         /**< The operating system refused to read or write. */
  PNR_NUMERICAL_FAILURE = 5,  /**< A fit broke down. */
  PNR_CANCELLED = 6,          /**< Stopped by the caller's own progress function. */
  PNR_OUT_OF_MEMORY = 7,
  PNR_UNSUPPORTED = 8,        /**< Valid, but not in this build, or of a newer version. */
  PNR_READ_ONLY = 9,          /**< A change asked of a store that was opened read-only. */
  PNR_BUFFER_TOO_SMALL = 10,  /**< The caller's buffer; `*needed` says how many bytes it takes. */
  PNR_INTERNAL = 11           /**< A bug of pannier. */
};

/** What failed, in words: at `where`, `what` was found; it may be `allowed` (may be empty). Owned by the caller, needs no
 *  preparation, fixed in size for ever. The texts always end in NUL and are cut between characters, never inside one. */
typedef struct pnr_error {
  pnr_status code;
  char where[256];
  char what[512];
  char allowed[256];
} pnr_error;

/** The name of a status ("invalid_argument"), or "unknown". Lives for ever, ends in NUL.  @since 0.1 */
PNR_API const char *pnr_status_name(pnr_status status);

/** The version of this library ("0.1.0"). Lives for ever, ends in NUL.  @since 0.1 */
PNR_API const char *pnr_version(void);

/* --- Texts and items ----------------------------------------------------------------------------------------------- */

/** A borrowed text: UTF-8, not ended by NUL. {NULL, 0} is the empty text, which stands for "not given". */
typedef struct pnr_text {
  const char *data;
  size_t length;
} pnr_text;

/** The key of an item's id: a fixed hash of its bytes. NULL is the empty id.  @since 0.1 */
PNR_API uint64_t pnr_item_key(const char *id, size_t length);

/* --- Long calls ---------------------------------------------------------------------------------------------------- */

/** Told how far a long call is; called from one thread at a time. `total` is 0 when unknown. Return false to stop: the call
 *  then ends with PNR_CANCELLED and has changed nothing. */
typedef bool (*pnr_progress)(void *context, const char *stage, size_t stage_length, uint64_t done, uint64_t total);

/** How a long call is to run. */
typedef struct pnr_control {
  size_t struct_size;
  int32_t threads;         /**< 0 (default): every processor this process may use. 1 starts no thread at all. */
  int32_t reserved;        /**< 0, like every reserved field: room for later ones. */
  pnr_progress progress;   /**< NULL (default): silent. */
  void *progress_context;  /**< Handed to `progress`. */
} pnr_control;

/** Writes the defaults into `struct_size` bytes at `control`.  @since 0.1 */
PNR_API void pnr_control_init(pnr_control *control, size_t struct_size);

/* --- Store: a folder of generations and of people's events ----------------------------------------------------------- */

/** An opened store. Thread-safe; several processes may open one folder. */
typedef struct pnr_store pnr_store;

/** How a store is opened. */
typedef int32_t pnr_mode;
enum {
  PNR_MODE_CREATE = 0,      /**< Read and write; made when absent. */
  PNR_MODE_READ_WRITE = 1,  /**< Must exist. */
  PNR_MODE_READ_ONLY = 2    /**< Must exist; nothing in the folder is changed, changes are refused with PNR_READ_ONLY. */
};

/** Opens a store's folder.
 *  Errors: PNR_NOT_FOUND (no such folder, or one that is no store), PNR_MALFORMED_INPUT, PNR_IO_FAILURE.  @since 0.1 */
PNR_API pnr_status pnr_store_open(const char *folder, size_t folder_length, pnr_mode mode, pnr_store **store,
                                  pnr_error *error);

/** Checks every byte of every generation, and the people's events.
 *  Errors: PNR_MALFORMED_INPUT, naming the first that is damaged.  @since 0.1 */
PNR_API pnr_status pnr_store_verify(const pnr_store *store, pnr_error *error);

/** Copies the id of the current generation into `out`; see pnr_engine_item_id() for `out`.
 *  Errors: PNR_NOT_FOUND (nothing was published yet), PNR_MALFORMED_INPUT, PNR_BUFFER_TOO_SMALL.  @since 0.1 */
PNR_API pnr_status pnr_store_current(const pnr_store *store, char *out, size_t capacity, size_t *needed, pnr_error *error);

/** What pnr_store_train() reads. */
typedef struct pnr_train_options {
  size_t struct_size;
  const pnr_text *events;  /**< Paths of event files, ingested first; a file that was ingested before changes nothing. */
  size_t event_count;      /**< 0 (default): train on the events that the store holds. */
  pnr_text items;          /**< Path of an items file, or empty. */
  pnr_text map;            /**< "user=customer_id,item=stock_code": the files' columns by field, or empty. */
  pnr_text kind;           /**< One kind for every line ("purchase"), or empty. */
  pnr_text config;         /**< The train config as JSON, or empty for the defaults. */
  bool skip_bad_lines;     /**< false (default): the first bad line ends the call with its file, line and column. */
  uint8_t reserved[7];
  const pnr_text *users;   /**< Paths of users files: attributes of people, each with its source. */
  size_t user_file_count;
  pnr_text vectors;        /**< Path of an .npz file of item vectors (ids, vectors, perhaps bias), for the model vectors, or empty. */
} pnr_train_options;

/** Writes the defaults into `struct_size` bytes at `options`.  @since 0.1 */
PNR_API void pnr_train_options_init(pnr_train_options *options, size_t struct_size);

/** What pnr_store_train() did. Prepared by pnr_train_report_init(), written on success. */
typedef struct pnr_train_report {
  size_t struct_size;
  char generation[32];      /**< The id published, ended by NUL. */
  uint64_t lines_read;
  uint64_t ingested;        /**< Events that were new. */
  uint64_t duplicates;      /**< Events that the store held already. */
  uint64_t dropped;         /**< Bad lines left out. */
  uint64_t users, items;
  double seconds;
  double peak_rss_mb;
  uint64_t items_dropped;   /**< Bad lines of the items file left out. */
  uint64_t people_read;     /**< Lines of the users files. */
  uint64_t people_kept;     /**< Those that are in the store now. */
  uint64_t people_changed;  /**< Of them, those that said what the store did not hold. */
  uint64_t people_dropped;  /**< Bad lines of the users files left out. */
} pnr_train_report;

/** Prepares `struct_size` bytes at `report`.  @since 0.1 */
PNR_API void pnr_train_report_init(pnr_train_report *report, size_t struct_size);

/** Ingests the files, fits the configured models on the store's events, and publishes one generation. Bad input or a stop
 *  publishes nothing. `control` and `report` may be NULL.
 *  Errors: PNR_NOT_FOUND, PNR_MALFORMED_INPUT (file, line, column), PNR_INVALID_ARGUMENT, PNR_READ_ONLY, PNR_CANCELLED,
 *          PNR_IO_FAILURE, PNR_NUMERICAL_FAILURE.  @since 0.1 */
PNR_API pnr_status pnr_store_train(pnr_store *store, const pnr_train_options *options, const pnr_control *control,
                                   pnr_train_report *report, pnr_error *error);

/** @since 0.1 */
PNR_API void pnr_store_free(pnr_store *store);

/* --- Engine: answers requests --------------------------------------------------------------------------------------- */

/** One current generation and the people's events. Thread-safe. */
typedef struct pnr_engine pnr_engine;

/** A reusable answer, with the scratch memory of answering. One thread: keep one a thread. */
typedef struct pnr_response pnr_response;

/** How an engine runs. */
typedef struct pnr_engine_options {
  size_t struct_size;
  size_t history_limit;          /**< Last events of a person that are read; 100,000. */
  uint64_t request_seed;         /**< Where request ids begin; 0 (default): drawn from the system. */
  bool full_check;               /**< true: check every byte of a generation when it is opened. */
  uint8_t reserved[7];
  int64_t (*clock)(void *context);  /**< NULL (default): the system clock. Called from any thread. */
  void *clock_context;
} pnr_engine_options;

/** Writes the defaults into `struct_size` bytes at `options`.  @since 0.1 */
PNR_API void pnr_engine_options_init(pnr_engine_options *options, size_t struct_size);

/** Opens the store's current generation. `options` may be NULL. The engine keeps the store alive.
 *  Errors: PNR_NOT_FOUND (nothing was published yet), PNR_MALFORMED_INPUT, PNR_UNSUPPORTED.  @since 0.1 */
PNR_API pnr_status pnr_engine_open(const pnr_store *store, const pnr_engine_options *options, pnr_engine **engine,
                                   pnr_error *error);

/** Serves a generation file's bytes, which the caller keeps unchanged until the engine and every response that it answered
 *  into are freed. People live in this process's memory.  Errors: as pnr_engine_open().  @since 0.1 */
PNR_API pnr_status pnr_engine_open_bytes(const void *bytes, size_t length, const pnr_engine_options *options,
                                         pnr_engine **engine, pnr_error *error);

/** A step that answers: which one did, or which one a request begins with. The numbers never change. */
typedef int32_t pnr_policy;
enum {
  PNR_POLICY_NONE = 0,
  PNR_POLICY_PERSONAL = 1,
  PNR_POLICY_SIMILAR = 2,
  PNR_POLICY_POPULAR = 3,
  PNR_POLICY_TOGETHER = 4,         /**< What is bought with a cart: of PNR_OP_TOGETHER alone. */
  PNR_POLICY_TRENDING = 5,         /**< Bought more than before. */
  PNR_POLICY_SEASONAL = 6,         /**< Bought at this time of the week and year. */
  PNR_POLICY_BUY_AGAIN = 7,        /**< What the person is about to need again. */
  PNR_POLICY_RECENTLY_VIEWED = 8   /**< Looked at last, without what was bought since. */
};

/** What is asked. */
typedef int32_t pnr_op;
enum {
  PNR_OP_RECOMMEND = 0,  /**< For `user` (else `visitor`) and the anonymous `session`. */
  PNR_OP_SIMILAR = 1,    /**< Items similar to the one of `items`. */
  PNR_OP_TOGETHER = 2    /**< Items bought together with `items`, a cart of 1 to 10,000; unknown ones are ignored. */
};

/** One request. Texts and arrays are borrowed for the call. */
typedef struct pnr_request {
  size_t struct_size;
  pnr_op op;
  uint32_t count;            /**< How many items: 1 to 10,000; 10. */
  pnr_text user, visitor;    /**< The user, else the visitor, or neither. Without meaning for the other two. */
  const uint64_t *session;   /**< Item keys of the current visit, oldest first; at most 10,000, unknown ones are ignored. */
  size_t session_count;
  const uint64_t *items;     /**< PNR_OP_SIMILAR: the key of the one item; PNR_OP_TOGETHER: those of the cart. */
  size_t item_count;
  int64_t time_us;           /**< 0 (default): the engine's clock. */
  pnr_text page;             /**< Where the answer will be shown; kept for logs. */
  bool exclude_seen;         /**< true (default): without items of the person's events and of the session. */
  bool exclude_bought;       /**< Without bought items, also where seen ones may return. */
  bool explain;              /**< Fill in 1 to 3 reasons an item. */
  uint8_t reserved[5];
  pnr_policy policy;         /**< PNR_OP_RECOMMEND: the step to begin with, then the chain; PNR_POLICY_PERSONAL.  @since 0.1 */
  int32_t reserved_policy;   /**< 0. */
  pnr_text category;         /**< Only items whose category is this path or lies under it; empty (default): all.  @since 0.1 */
} pnr_request;

/** Writes the defaults into `struct_size` bytes at `request`.  @since 0.1 */
PNR_API void pnr_request_init(pnr_request *request, size_t struct_size);

/** Answers one request into `response`, which is reused: after the first call of its size nothing is allocated.
 *  A person nobody knows is no error: the response names the policy that answered and may be empty.
 *  Ownership: the request is only read; what the accessors of `response` return lives until its next use.
 *  Threads:   any number on one engine; one response a thread.
 *  Errors:    PNR_INVALID_ARGUMENT (NULL, an unknown struct_size, a field out of range, PNR_OP_SIMILAR to an unknown item).
 *             On failure `response` is as it was.  @since 0.1 */
PNR_API pnr_status pnr_engine_recommend(const pnr_engine *engine, const pnr_request *request, pnr_response *response,
                                        pnr_error *error);

/** What happened. The numbers never change. */
typedef int32_t pnr_event_kind;
enum {
  PNR_VIEW_ITEM = 1,
  PNR_ADD_TO_CART = 2,
  PNR_REMOVE_FROM_CART = 3,
  PNR_PURCHASE = 4,
  PNR_REFUND = 5,
  PNR_SEARCH = 6,
  PNR_VIEW_ITEM_LIST = 7,
  PNR_SELECT_ITEM = 8,
  PNR_DWELL = 9,
  PNR_ADD_TO_WISHLIST = 10,
  PNR_BEGIN_CHECKOUT = 11,
  PNR_VIEW_PROMOTION = 12,
  PNR_SELECT_PROMOTION = 13,
  PNR_VIEW_CART = 14,
  PNR_RATE = 15,
  PNR_SHARE = 16
};

/** What a person allowed. */
typedef int32_t pnr_consent;
enum {
  PNR_CONSENT_UNKNOWN = 0,
  PNR_CONSENT_NONE = 1,
  PNR_CONSENT_ESSENTIAL = 2,
  PNR_CONSENT_PERSONALIZATION = 3,
  PNR_CONSENT_ALL = 4
};

/** One event about at most one item; an order of several items is several events of one `order`. Needed are time_us, kind,
 *  an item (but for a search) and one of user, visitor, session and order. */
typedef struct pnr_event {
  size_t struct_size;
  int64_t time_us;
  pnr_event_kind kind;
  pnr_consent consent;
  pnr_text id;                 /**< Empty: derived from the other fields. An event counts once by its id. */
  pnr_text user, visitor, session, order;
  pnr_text item, item_name;
  double quantity;             /**< Units, not negative; 1. */
  double price;                /**< Of one unit; NaN (default): unknown. */
  pnr_text currency;
  double value;                /**< Of the whole event; NaN (default): none. */
  int64_t dwell_ms;            /**< -1 (default): none. */
  int32_t position;            /**< Place in a list, from 0; -1 (default): none. */
  int32_t slot;                /**< Place in the recommendation that led here; -1 (default): none. */
  pnr_text query, page, device, country, channel;
  pnr_text request_id;         /**< The recommendation that led here. */
} pnr_event;

/** Writes the defaults into `struct_size` bytes at `event`.  @since 0.1 */
PNR_API void pnr_event_init(pnr_event *event, size_t struct_size);

/** Records `count` events, all or none; the next request knows them. The events lie one after the other, each
 *  events[0].struct_size bytes long. `recorded` (may be NULL) is told how many were new: an event whose id is known counts
 *  as recorded already and changes nothing.
 *  Errors: PNR_INVALID_ARGUMENT (naming the event and the field), PNR_READ_ONLY, PNR_IO_FAILURE.  @since 0.1 */
PNR_API pnr_status pnr_engine_record(pnr_engine *engine, const pnr_event *events, size_t count, uint64_t *recorded,
                                     pnr_error *error);

/** What the shop says of one item. Texts that are empty and numbers that are NaN say nothing: what was known stays. */
typedef struct pnr_item {
  size_t struct_size;
  pnr_text id;               /**< Needed. */
  pnr_text name, category, brand, image;
  double price;              /**< NaN (default): not said. */
  double stock;              /**< Units; at 0 or less the item is in no answer. NaN (default): not said. */
} pnr_item;

/** Writes the defaults into `struct_size` bytes at `item`.  @since 0.1 */
PNR_API void pnr_item_init(pnr_item *item, size_t struct_size);

/** Changes or adds `count` items, all or none, each items[0].struct_size bytes long: name, price and stock count from the next
 *  request on, category, brand and image after the next training, which takes all of it over. A new item is known by its id and name and
 *  may be recorded; it is recommended after the next training. Kept in the store: other processes see it after pnr_engine_reload().
 *  Errors: PNR_INVALID_ARGUMENT (naming the item and the field), PNR_READ_ONLY, PNR_IO_FAILURE.  @since 0.1 */
PNR_API pnr_status pnr_engine_upsert_items(pnr_engine *engine, const pnr_item *items, size_t count, pnr_error *error);

/** As pnr_engine_upsert_items() of the stock of one item alone. At 0 or less it is in no answer, whatever the policy.
 *  Errors: PNR_NOT_FOUND (an item that nobody named before), PNR_INVALID_ARGUMENT, PNR_READ_ONLY, PNR_IO_FAILURE.  @since 0.1 */
PNR_API pnr_status pnr_engine_set_stock(pnr_engine *engine, const char *item, size_t length, double units, pnr_error *error);

/** Looks whether the store has a newer current generation, or changes of items by other processes, and takes them in, while requests go on.
 *  `changed` may be NULL.
 *  Errors: PNR_MALFORMED_INPUT, PNR_NOT_FOUND, PNR_IO_FAILURE; the old generation then goes on serving.  @since 0.1 */
PNR_API pnr_status pnr_engine_reload(pnr_engine *engine, bool *changed, pnr_error *error);

/** Which sort of id names a person. */
typedef int32_t pnr_person;
enum { PNR_PERSON_USER = 1, PNR_PERSON_VISITOR = 2, PNR_PERSON_SESSION = 3 };

/** Forgets a person: all events, attributes and state. `removed` (may be NULL) is told how many events there were; 0 for a person
 *  nobody knows. `overwritten` (may be NULL) is told false where others went on reading, so that old pages stay in the
 *  log file until its next checkpoint.
 *  Errors: PNR_INVALID_ARGUMENT, PNR_READ_ONLY, PNR_IO_FAILURE.  @since 0.1 */
PNR_API pnr_status pnr_engine_erase(pnr_engine *engine, pnr_person sort, const char *id, size_t length, uint64_t *removed,
                                    bool *overwritten, pnr_error *error);

/** Copies the id of an item of the current generation, or of one upserted since, into `out` (which may be NULL where capacity is 0). No NUL is added;
 *  `*needed` is the text's length.
 *  Errors: PNR_NOT_FOUND (no such item), PNR_BUFFER_TOO_SMALL (`*needed` is set).  @since 0.1 */
PNR_API pnr_status pnr_engine_item_id(const pnr_engine *engine, uint64_t key, char *out, size_t capacity, size_t *needed,
                                      pnr_error *error);
/** As pnr_engine_item_id(), the item's name; empty where the shop gave none.  @since 0.1 */
PNR_API pnr_status pnr_engine_item_name(const pnr_engine *engine, uint64_t key, char *out, size_t capacity, size_t *needed,
                                        pnr_error *error);

/** One JSON request in, one JSON answer out: the one door for hosts that speak JSON. `op` recommend, similar, together or record, under
 *  the field names of the command line's --requests. No NUL is added; `*needed` is the answer's length.
 *  Errors: PNR_MALFORMED_INPUT (no JSON object), PNR_INVALID_ARGUMENT (an unknown key, a value out of range), those of the
 *          operation, and PNR_BUFFER_TOO_SMALL: the operation is done and its answer is dropped, so ask again with `*needed`
 *          bytes and some to spare. A record asked again counts once, and says that its events were known.  @since 0.1 */
PNR_API pnr_status pnr_engine_call_json(pnr_engine *engine, const char *in, size_t in_length, char *out, size_t capacity,
                                        size_t *needed, pnr_error *error);

/** @since 0.1 */
PNR_API void pnr_engine_free(pnr_engine *engine);

/* --- Response: the answer -------------------------------------------------------------------------------------------- */

/** Why an item is there. The numbers never change. */
typedef int32_t pnr_reason_kind;
enum {
  PNR_REASON_BECAUSE_OF = 0,       /**< An item of the history or session, and its share of the score. */
  PNR_REASON_BUY_AGAIN = 1,        /**< The item itself, which the person bought. */
  PNR_REASON_POPULAR = 2,          /**< The item itself, as the following; the weight is the model's score. */
  PNR_REASON_TRENDING = 3,
  PNR_REASON_SEASONAL = 4,
  PNR_REASON_SIMILAR_TO = 5,       /**< The item asked about, and the similarity. */
  PNR_REASON_BOUGHT_WITH = 6,      /**< An item of the cart, and its share of the score. */
  PNR_REASON_RECENTLY_VIEWED = 7
};

/** The name of a kind of reason ("because_of"), or "unknown". Lives for ever, ends in NUL.  @since 0.1 */
PNR_API const char *pnr_reason_kind_name(pnr_reason_kind kind);

/** The name of a policy ("personal"), or "unknown". Lives for ever, ends in NUL.  @since 0.1 */
PNR_API const char *pnr_policy_name(pnr_policy policy);

/** Makes an empty response.  Errors: PNR_OUT_OF_MEMORY.  @since 0.1 */
PNR_API pnr_status pnr_response_create(pnr_response **response, pnr_error *error);
/** How many items there are: the slots 0 to count-1, best first.  @since 0.1 */
PNR_API size_t pnr_response_count(const pnr_response *response);
/** The keys of all items, one after the other.  @since 0.1 */
PNR_API const uint64_t *pnr_response_keys(const pnr_response *response);
/** The scores of all items, one after the other.  @since 0.1 */
PNR_API const float *pnr_response_scores(const pnr_response *response);
/** The shop's own id of the item in `slot`. `length` (may be NULL) is told its length: the text does not end in NUL.  @since 0.1 */
PNR_API const char *pnr_response_id(const pnr_response *response, size_t slot, size_t *length);
/** The name of the item in `slot`; empty where the shop gave none.  @since 0.1 */
PNR_API const char *pnr_response_name(const pnr_response *response, size_t slot, size_t *length);
/** The probability that the policy shows this item in this slot.  @since 0.1 */
PNR_API float pnr_response_propensity(const pnr_response *response, size_t slot);
/** How many reasons stand behind the item in `slot`: 1 to 3, or 0 unless the request asked to explain.  @since 0.1 */
PNR_API size_t pnr_response_reason_count(const pnr_response *response, size_t slot);
/** One reason, largest share first: the item's key and how much of the score it gave (each may be NULL). False where there
 *  is no such reason; nothing is written then.  @since 0.1 */
PNR_API bool pnr_response_reason(const pnr_response *response, size_t slot, size_t reason, uint64_t *key, float *weight);
/** The shop's own id of a reason's item.  @since 0.1 */
PNR_API const char *pnr_response_reason_id(const pnr_response *response, size_t slot, size_t reason, size_t *length);
/** The name of a reason's item; empty where the shop gave none.  @since 0.1 */
PNR_API const char *pnr_response_reason_name(const pnr_response *response, size_t slot, size_t reason, size_t *length);
/** The kind of a reason, or -1 where there is no such reason.  @since 0.1 */
PNR_API pnr_reason_kind pnr_response_reason_kind(const pnr_response *response, size_t slot, size_t reason);
/** The step that answered.  @since 0.1 */
PNR_API pnr_policy pnr_response_policy(const pnr_response *response);
/** True where a later step of the chain than the first answered.  @since 0.1 */
PNR_API bool pnr_response_fallback(const pnr_response *response);
/** The id of the generation that answered. `length` may be NULL; no NUL at the end.  @since 0.1 */
PNR_API const char *pnr_response_generation(const pnr_response *response, size_t *length);
/** What joins later events to this answer: written as 16 hexadecimal digits it is their request_id.  @since 0.1 */
PNR_API uint64_t pnr_response_request_id(const pnr_response *response);
/** How long the answer took.  @since 0.1 */
PNR_API float pnr_response_microseconds(const pnr_response *response);
/** @since 0.1 */
PNR_API void pnr_response_free(pnr_response *response);

/* --- Models: fitted on a matrix of one's own --------------------------------------------------------------------------- */

/** A fitted recommender over the columns of a matrix. Thread-safe: it never changes. */
typedef struct pnr_model pnr_model;

/** A borrowed sparse matrix, compressed by row: rows are people, columns are items. Columns ascend strictly inside a row. */
typedef struct pnr_csr {
  size_t struct_size;
  uint64_t rows, cols;
  const int64_t *offsets;   /**< rows + 1 of them, from 0 to nonzeros. */
  const uint32_t *columns;  /**< Each below cols. */
  const float *values;      /**< Finite, not negative; 0 is seen without evidence. */
  uint64_t nonzeros;
} pnr_csr;

/** Writes an empty matrix into `struct_size` bytes at `csr`.  @since 0.1 */
PNR_API void pnr_csr_init(pnr_csr *csr, size_t struct_size);

/** What is wanted of a model. */
typedef struct pnr_ask {
  size_t struct_size;
  uint32_t count;            /**< How many items a row: 1 or more; 10. */
  int32_t threads;           /**< 0: every processor; 1 (default). */
  const uint32_t *allowed;   /**< NULL (default): all columns. Else only these. */
  size_t allowed_count;
  bool exclude_history;      /**< true (default): without a row's own items. */
  uint8_t reserved[7];
} pnr_ask;

/** Writes the defaults into `struct_size` bytes at `ask`.  @since 0.1 */
PNR_API void pnr_ask_init(pnr_ask *ask, size_t struct_size);

/** Fits the named model ("ials", "item_knn", "popular") with settings as a JSON object (empty: defaults). The matrix is
 *  borrowed for the call. `control` may be NULL.
 *  Errors: PNR_INVALID_ARGUMENT (an unknown name or setting, a bad matrix), PNR_NUMERICAL_FAILURE, PNR_CANCELLED,
 *          PNR_OUT_OF_MEMORY.  @since 0.1 */
PNR_API pnr_status pnr_model_fit(const char *name, size_t name_length, const char *config_json, size_t config_length,
                                 const pnr_csr *events, const pnr_control *control, pnr_model **model, pnr_error *error);

/** Answers every row of `histories` (whose cols equal the model's): row r fills columns[r*count ..) and scores[r*count ..), best
 *  first, padded with UINT32_MAX and 0. Both arrays hold rows * count entries. `ask` may be NULL.
 *  Errors: PNR_INVALID_ARGUMENT.  @since 0.1 */
PNR_API pnr_status pnr_model_recommend(const pnr_model *model, const pnr_csr *histories, const pnr_ask *ask,
                                       uint32_t *columns, float *scores, pnr_error *error);

/** The items most similar to each of `items`, as pnr_model_recommend() lays them out.  Errors: PNR_INVALID_ARGUMENT.  @since 0.1 */
PNR_API pnr_status pnr_model_similar(const pnr_model *model, const uint32_t *items, size_t item_count, const pnr_ask *ask,
                                     uint32_t *columns, float *scores, pnr_error *error);

/** How many columns the model knows.  @since 0.1 */
PNR_API uint64_t pnr_model_item_count(const pnr_model *model);

/** Writes the model as one file, which appears whole or not at all.  Errors: PNR_IO_FAILURE.  @since 0.1 */
PNR_API pnr_status pnr_model_save(const pnr_model *model, const char *path, size_t path_length, pnr_error *error);
/** Errors: PNR_NOT_FOUND, PNR_MALFORMED_INPUT, PNR_UNSUPPORTED, PNR_IO_FAILURE.  @since 0.1 */
PNR_API pnr_status pnr_model_load(const char *path, size_t path_length, pnr_model **model, pnr_error *error);
/** @since 0.1 */
PNR_API void pnr_model_free(pnr_model *model);

/* --- Vectors of one's own: the exact index ------------------------------------------------------------------------------ */

/** The items of largest inner product with a query, exact under every filter. Thread-safe: it never changes. */
typedef struct pnr_vector_index pnr_vector_index;

/** Builds an index over a copy of `vectors`, item_count rows of `dimensions` numbers. `bias` (may be NULL) has one number an item, added to its
 *  scores. `threads` 0: every processor.
 *  Errors: PNR_INVALID_ARGUMENT (a number that is not finite, naming row and dimension; dimensions outside 1 to 4096), PNR_OUT_OF_MEMORY.  @since 0.1 */
PNR_API pnr_status pnr_vector_index_build(const float *vectors, uint64_t item_count, uint64_t dimensions, const float *bias, int32_t threads,
                                          pnr_vector_index **index, pnr_error *error);

/** The best items of every row of `queries`, `dimensions` numbers each: row r fills items[r*count ..) and scores[r*count ..), best first, padded with
 *  UINT32_MAX and 0. Both arrays hold rows * count entries. `ask` may be NULL; its exclude_history has no meaning here. Scores are those of the
 *  library's fixed order, the same bits on every machine, ties by index.
 *  Errors: PNR_INVALID_ARGUMENT (a number that is not finite, naming row and dimension; an allowed item that there is not).  @since 0.1 */
PNR_API pnr_status pnr_vector_index_search(const pnr_vector_index *index, const float *queries, uint64_t rows, const pnr_ask *ask, uint32_t *items,
                                           float *scores, pnr_error *error);

/** How many items it holds.  @since 0.1 */
PNR_API uint64_t pnr_vector_index_item_count(const pnr_vector_index *index);
/** How many numbers a query has.  @since 0.1 */
PNR_API uint64_t pnr_vector_index_dimensions(const pnr_vector_index *index);
/** @since 0.1 */
PNR_API void pnr_vector_index_free(pnr_vector_index *index);

#ifdef __cplusplus
}
#endif

#endif /* PANNIER_H */
