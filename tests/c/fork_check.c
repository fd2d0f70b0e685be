/* Loads the library as a host does, serves, forks, and serves again.
 *
 *     fork_check LIBRARY STORE USER
 *
 * Fails where a second thread exists at any time, or where the child's answer differs by a bit. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pannier.h"

enum { COUNT = 10 };

static int threads(void) {
  DIR *folder = opendir("/proc/self/task");
  struct dirent *entry;
  int count = 0;
  if (folder == NULL) return -1;
  while ((entry = readdir(folder)) != NULL) count += entry->d_name[0] != '.';
  closedir(folder);
  return count;
}

static void require(int held, const char *what) {
  if (held) return;
  fprintf(stderr, "fork_check: not so: %s (%d threads)\n", what, threads());
  exit(1);
}

static void *library;

/* ISO C has no conversion from an object pointer to a function pointer; POSIX has, by way of the bytes. */
static void find(const char *name, void *function, size_t size) {
  void *symbol = dlsym(library, name);
  require(symbol != NULL, name);
  memcpy(function, &symbol, size);
}
#define FIND(function) find(#function, &my_##function, sizeof my_##function)

static pnr_status (*my_pnr_store_open)(const char *, size_t, pnr_mode, pnr_store **, pnr_error *);
static pnr_status (*my_pnr_engine_open)(const pnr_store *, const pnr_engine_options *, pnr_engine **, pnr_error *);
static pnr_status (*my_pnr_response_create)(pnr_response **, pnr_error *);
static void (*my_pnr_request_init)(pnr_request *, size_t);
static pnr_status (*my_pnr_engine_recommend)(const pnr_engine *, const pnr_request *, pnr_response *, pnr_error *);
static size_t (*my_pnr_response_count)(const pnr_response *);
static const uint64_t *(*my_pnr_response_keys)(const pnr_response *);
static const float *(*my_pnr_response_scores)(const pnr_response *);
static void (*my_pnr_response_free)(pnr_response *);
static void (*my_pnr_engine_free)(pnr_engine *);
static void (*my_pnr_store_free)(pnr_store *);

typedef struct answer {
  size_t count;
  uint64_t keys[COUNT];
  float scores[COUNT];
} answer;

static answer ask(const pnr_engine *engine, const char *user, pnr_response *response) {
  answer result;
  pnr_request request;
  pnr_error error;
  memset(&result, 0, sizeof result);
  my_pnr_request_init(&request, sizeof request);
  request.user.data = user;
  request.user.length = strlen(user);
  request.count = COUNT;
  request.time_us = INT64_C(1706000000000000);
  if (my_pnr_engine_recommend(engine, &request, response, &error) != PNR_OK) {
    fprintf(stderr, "fork_check: %s: %s\n", error.where, error.what);
    exit(1);
  }
  result.count = my_pnr_response_count(response);
  memcpy(result.keys, my_pnr_response_keys(response), result.count * sizeof result.keys[0]);
  memcpy(result.scores, my_pnr_response_scores(response), result.count * sizeof result.scores[0]);
  return result;
}

int main(int argc, char **argv) {
  pnr_store *store = NULL;
  pnr_engine *engine = NULL, *childs = NULL;
  pnr_response *response = NULL;
  answer before, again;
  pid_t child;
  int status = 0;

  if (argc != 4) return 2;
  require(threads() == 1, "one thread at the start");
  library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    fprintf(stderr, "fork_check: %s\n", dlerror());
    return 1;
  }
  require(threads() == 1, "one thread once the library is loaded");
  FIND(pnr_store_open);
  FIND(pnr_engine_open);
  FIND(pnr_response_create);
  FIND(pnr_request_init);
  FIND(pnr_engine_recommend);
  FIND(pnr_response_count);
  FIND(pnr_response_keys);
  FIND(pnr_response_scores);
  FIND(pnr_response_free);
  FIND(pnr_engine_free);
  FIND(pnr_store_free);

  require(my_pnr_store_open(argv[2], strlen(argv[2]), PNR_MODE_READ_WRITE, &store, NULL) == PNR_OK, "the store opens");
  require(my_pnr_engine_open(store, NULL, &engine, NULL) == PNR_OK, "the engine opens");
  require(my_pnr_response_create(&response, NULL) == PNR_OK, "a response is made");
  before = ask(engine, argv[3], response);
  require(before.count == COUNT, "the answer is full");
  require(threads() == 1, "one thread after serving");

  child = fork();
  require(child >= 0, "fork works");
  if (child == 0) {
    again = ask(engine, argv[3], response);
    require(memcmp(&before, &again, sizeof before) == 0, "the child's answer is the parent's");
    require(my_pnr_engine_open(store, NULL, &childs, NULL) == PNR_OK, "the child opens an engine of its own");
    again = ask(childs, argv[3], response);
    require(memcmp(&before, &again, sizeof before) == 0, "and so is that engine's");
    require(threads() == 1, "one thread in the child");
    my_pnr_engine_free(childs);
  } else {
    require(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended well");
    again = ask(engine, argv[3], response);
    require(memcmp(&before, &again, sizeof before) == 0, "the parent goes on as before");
    require(threads() == 1, "one thread in the parent");
    puts("one thread, and the child answers the same");
  }
  my_pnr_response_free(response);
  my_pnr_engine_free(engine);
  my_pnr_store_free(store);
  return 0;
}
