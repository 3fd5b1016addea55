// A library for LD_AUDIT that looks and changes nothing.

#include <link.h>

extern "C" {

[[gnu::visibility("default")]] unsigned la_version(unsigned version) { return version; }
[[gnu::visibility("default")]] unsigned la_objopen(link_map*, Lmid_t, uintptr_t*) {
  return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}

}  // extern "C"
