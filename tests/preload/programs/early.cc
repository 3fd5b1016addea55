// Uses what its library's constructor has used before any constructor of ours.

#include <dlfcn.h>
#include <libintl.h>
#include <locale.h>

#include "tests/preload/programs/stage.h"

extern "C" const char* EarlyText();

int main() {
  alarm(5);
  Require(dlerror() == nullptr, "no error of ours is left for the program");
  setlocale(LC_ALL, "");
  bindtextdomain("main", "/nowhere/at/all");
  textdomain("main");
  Require(strcmp(EarlyText(), "text") == 0, "gettext works");
}
