// Marks a function as the one that the program calls instead of libc's.
//
// The assembler name is given apart from the C++ name, because a declaration of, say, `malloc`
// would have to repeat libc's noexcept, and the compiler would treat our body as the builtin of
// that name (and turn our calloc into a call of itself).
//
// Runs: everywhere.  Threads: -  Allocates: never.
#pragma once

#define LIMPET_EXPORT(name) __asm__(name) __attribute__((visibility("default"), used))
