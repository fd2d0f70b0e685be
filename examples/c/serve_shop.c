/* Serves one customer of a shop from C: what is recommended, what is similar, and how a click changes the answer.
 *
 *     serve_shop STORE USER
 *
 * STORE is a folder that `pannier train` made, USER an id of its events. The program keeps to C99 and to pannier.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pannier.h"

/* Ends the program with what failed, in words. */
static void check(pnr_status status, const pnr_error *error, const char *doing) {
  if (status == PNR_OK) return;
  fprintf(stderr, "serve_shop: %s: %s: %s: %s", doing, pnr_status_name(status), error->where, error->what);
  if (error->allowed[0] != '\0') fprintf(stderr, "; expected %s", error->allowed);
  fputc('\n', stderr);
  exit(1);
}

static pnr_text text(const char *ended_by_nul) {
  pnr_text result;
  result.data = ended_by_nul;
  result.length = strlen(ended_by_nul);
  return result;
}

/* Texts of a response do not end in NUL: print them with their length. */
static void print_items(const char *title, const pnr_engine *engine, const pnr_response *response) {
  size_t slot;
  char because[256];
  printf("%s (%s, %.0f us)\n", title, pnr_policy_name(pnr_response_policy(response)),
         (double)pnr_response_microseconds(response));
  for (slot = 0; slot < pnr_response_count(response); ++slot) {
    size_t id_length = 0, name_length = 0, reason_length = 0;
    const char *id = pnr_response_id(response, slot, &id_length);
    const char *name = pnr_response_name(response, slot, &name_length);
    const char *reason = pnr_response_reason_id(response, slot, 0, &reason_length);
    printf("  %2d. %-8.*s %-32.*s %.4f", (int)slot + 1, (int)id_length, id, (int)name_length, name,
           (double)pnr_response_scores(response)[slot]);
    if (reason != NULL) {
      size_t because_length = 0;
      const pnr_status named = pnr_engine_item_name(engine, pnr_item_key(reason, reason_length), because, sizeof because, &because_length, NULL);
      if (named == PNR_OK && because_length > 0) printf("  because of %.*s", (int)because_length, because);
      else printf("  because of %.*s", (int)reason_length, reason);
    }
    putchar('\n');
  }
}

int main(int argc, char **argv) {
  pnr_error error;
  pnr_store *store = NULL;
  pnr_engine *engine = NULL;
  pnr_response *response = NULL;
  pnr_request request;
  pnr_event click;
  uint64_t clicked_key, recorded = 0;
  char clicked[256], request_id[32];
  size_t clicked_length = 0;

  if (argc != 3) {
    fprintf(stderr, "usage: serve_shop STORE USER\n");
    return 2;
  }

  /* Opened once, when the process starts; every thread may use the engine. */
  check(pnr_store_open(argv[1], strlen(argv[1]), PNR_MODE_READ_WRITE, &store, &error), &error, "opening the store");
  check(pnr_engine_open(store, NULL, &engine, &error), &error, "opening the engine");

  /* Kept by each thread, and used again for every request. */
  check(pnr_response_create(&response, &error), &error, "making a response");

  pnr_request_init(&request, sizeof request);
  request.user = text(argv[2]);
  request.count = 5;
  request.explain = true;
  check(pnr_engine_recommend(engine, &request, response, &error), &error, "recommending");
  print_items("Recommended", engine, response);
  if (pnr_response_count(response) == 0) {
    printf("Nothing to recommend.\n");
    return 0;
  }

  /* What a response hands out lives until its next use: copy what is needed longer. */
  clicked_key = pnr_response_keys(response)[0];
  snprintf(request_id, sizeof request_id, "%016" PRIx64, pnr_response_request_id(response));
  check(pnr_engine_item_id(engine, clicked_key, clicked, sizeof clicked, &clicked_length, &error), &error, "naming the item");

  pnr_request_init(&request, sizeof request);
  request.op = PNR_OP_SIMILAR;
  request.items = &clicked_key;
  request.item_count = 1;
  request.count = 5;
  check(pnr_engine_recommend(engine, &request, response, &error), &error, "looking for similar items");
  print_items("Similar to the first", engine, response);

  /* The customer clicks on the first item. The very next answer knows it. */
  pnr_event_init(&click, sizeof click);
  click.time_us = (int64_t)time(NULL) * 1000000;
  click.kind = PNR_VIEW_ITEM;
  click.user = text(argv[2]);
  click.item.data = clicked;
  click.item.length = clicked_length;
  click.request_id = text(request_id);
  click.slot = 0;
  check(pnr_engine_record(engine, &click, 1, &recorded, &error), &error, "recording the click");
  printf("Recorded %" PRIu64 " click on %.*s\n", recorded, (int)clicked_length, clicked);

  pnr_request_init(&request, sizeof request);
  request.user = text(argv[2]);
  request.count = 5;
  request.explain = true;
  check(pnr_engine_recommend(engine, &request, response, &error), &error, "recommending again");
  print_items("Recommended after the click", engine, response);

  pnr_response_free(response);
  pnr_engine_free(engine);
  pnr_store_free(store);
  return 0;
}
