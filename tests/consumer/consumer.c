/* The same from C, where the installed package has the C interface. */
#include <stdio.h>

#include <pannier.h>

int main(void) {
  printf("pannier %s names item i7 %llu\n", pnr_version(), (unsigned long long)pnr_item_key("i7", 2));
  return pnr_version()[0] == '\0';
}
