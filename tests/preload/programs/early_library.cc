// Its constructor makes the process's first allocation, under a lock of libc's: bindtextdomain
// holds gettext's lock while it calls malloc (libgpg-error does this in every program that has it).

#include <libintl.h>

extern "C" [[gnu::visibility("default")]] const char* EarlyText() {
  return dgettext("early", "text");
}

namespace {

[[gnu::constructor(101)]] void BindEarly() { bindtextdomain("early", "/nowhere/at/all"); }

}  // namespace
