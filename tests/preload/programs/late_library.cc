// Ends after what was preloaded, and takes its time, in which threads go on.

#include <unistd.h>

extern "C" [[gnu::visibility("default")]] void LinkLateLibrary() {}

[[gnu::destructor]] static void EndLate() { usleep(10'000); }
