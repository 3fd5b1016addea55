// In a folder of its own, where only the RUNPATH of helped_plugin leads.

extern "C" [[gnu::visibility("default")]] int HelperAnswers() { return 1; }
