"""Programs that compare_programs.py builds itself, for what no installed one does: errno; Rust's and Go's runtimes."""

import pathlib
import subprocess

from program_run import Step, write


def compiled_steps(folder: pathlib.Path, compiler: list[str], name: str, source: str, text: str) -> list[Step]:
    write(folder / source, text)
    subprocess.run([*compiler, "-o", str(folder / name), source], cwd=folder, check=True, timeout=300)
    return [Step([str(folder / name)], is_gated=True, marker="ready")]


# --- C: what a caller sees of the allocation functions themselves, errno above all.

ERRNO_SOURCE = r"""
    #define _GNU_SOURCE
    #include <errno.h>
    #include <malloc.h>
    #include <stdint.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <unistd.h>
    static volatile size_t huge = (size_t)PTRDIFF_MAX;
    #define SHOW(call) do { errno = 77; int is_null = (call) == NULL; \
      printf("%s: %s, errno %d\n", #call, is_null ? "null" : "block", errno); } while (0)
    int main(void) {
      void* block = malloc(100);
      void* same = block;
      memset(block, 5, 100);
      for (int i = 0; i < 3000; i++) free(malloc((size_t)i * 7));
      SHOW(malloc(huge + 1));
      SHOW(malloc(0));
      SHOW(malloc(1 << 20));
      SHOW(calloc(huge, 3));
      SHOW(calloc(3, 5));
      SHOW(realloc(block, huge + 1));
      SHOW(reallocarray(block, huge, 4));
      SHOW(aligned_alloc(64, huge + 1));
      SHOW(memalign(4096, 10));
      SHOW(valloc(10));
      SHOW(strdup("text"));
      printf("kept %d\n", block == same && ((char*)block)[99] == 5);
      errno = 77;
      void* aligned = NULL;
      printf("posix_memalign %d", posix_memalign(&aligned, 3, 10));
      printf(" %d", posix_memalign(&aligned, 64, huge + 1));
      printf(" %d", posix_memalign(&aligned, 64, 10));
      printf(", aligned %d, errno %d\n", (int)((uintptr_t)aligned % 64), errno);
      errno = 77;
      free(block);
      free(NULL);
      free(aligned);
      printf("free: errno %d\n", errno);
      printf("usable %zu %zu\n", malloc_usable_size(malloc(1)), malloc_usable_size(malloc(1000)));
      printf("sbrk moved %d\n", sbrk(0) == NULL);
      puts("ready");
      fflush(stdout);
      while (getchar() != EOF) {}
      return 9;
    }
"""


def errno_steps(folder: pathlib.Path) -> list[Step]:
    compiler = ["gcc", "-w", "-g", "-O1", "-fno-builtin"]
    return compiled_steps(folder, compiler, "allocate", "allocate.c", ERRNO_SOURCE)


# --- Rust: locks, channels and parking by its own futex calls; a panic; a child.

RUST_SOURCE = r"""
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::{mpsc, Arc, Barrier, Condvar, Mutex, RwLock};
    use std::{panic, process, thread, time};

    #[inline(never)]
    fn keep_blocks(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|i| vec![i as u8; 1000]).collect()
    }

    fn add_in_turns() -> (u64, u64) {
        let shared = Arc::new((Mutex::new(0u64), Condvar::new(), RwLock::new(0u64), Barrier::new(4)));
        let threads: Vec<_> = (0..4u64).map(|own| {
            let shared = shared.clone();
            thread::spawn(move || {
                for round in 0..500 {
                    let mut turn = shared.0.lock().unwrap();
                    while *turn % 4 != own { turn = shared.1.wait(turn).unwrap(); }
                    *turn += 1;
                    shared.1.notify_all();
                    drop(turn);
                    *shared.2.write().unwrap() += round;
                    let _seen = *shared.2.read().unwrap();
                }
                shared.3.wait();
            })
        }).collect();
        for thread in threads { thread.join().unwrap(); }
        let sums = (*shared.0.lock().unwrap(), *shared.2.read().unwrap());
        sums
    }

    fn sum_of_channel() -> u64 {
        let (sender, receiver) = mpsc::sync_channel(2);
        for own in 0..3u64 {
            let sender = sender.clone();
            thread::spawn(move || for i in 0..1000 { sender.send(own * i).unwrap(); });
        }
        drop(sender);
        receiver.iter().sum()
    }

    fn echo_of_socket() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text.to_uppercase()
        });
        TcpStream::connect(address).unwrap().write_all(b"through a socket").unwrap();
        server.join().unwrap()
    }

    fn main() {
        let kept = keep_blocks(3000);
        println!("{:?} {} {}", add_in_turns(), sum_of_channel(), echo_of_socket());
        let parked = thread::Builder::new().name("parked".into()).spawn(thread::park).unwrap();
        thread::sleep(time::Duration::from_millis(20));
        parked.thread().unpark();
        parked.join().unwrap();
        panic::set_hook(Box::new(|_| ()));
        let caught = panic::catch_unwind(|| kept[kept.len()].len());
        let in_thread = thread::spawn(|| panic!("in a thread")).join();
        println!("{} {}", caught.is_err(), in_thread.is_err());
        let child = process::Command::new("/bin/sh").args(["-c", "echo child; exit 3"]).output().unwrap();
        println!("{:?} {:?}", child.status.code(), child.stdout);
        println!("ready");
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        process::exit(kept.len() as i32 % 7);
    }
"""


def rust_steps(folder: pathlib.Path) -> list[Step]:
    compiler = ["rustc", "-g", "-O", "--edition", "2021"]
    return compiled_steps(folder, compiler, "threads", "threads.rs", RUST_SOURCE)


# --- Go with C: threads of either that call the other; SIGURG, by which Go's runtime interrupts; SIGSEGV, of
# which it makes a panic.

CGO_SOURCE = r"""
    package main

    /*
    #include <pthread.h>
    #include <stdlib.h>
    #include <string.h>

    extern long goAdd(long);

    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static long sum;

    static void** keep_blocks(int count) {
      void** blocks = calloc(count, sizeof(void*));
      for (int i = 0; i < count; i++) memset(blocks[i] = malloc(1000), i, 1000);
      return blocks;
    }
    static long add(long amount) {
      char* block = strdup("not for long");
      pthread_mutex_lock(&lock);
      long now = sum += amount;
      pthread_mutex_unlock(&lock);
      free(block);
      return now;
    }
    static void* call_go(void* amount) { return (void*)goAdd((long)amount); }
    static long add_in_thread(long amount) {
      pthread_t thread;
      void* result = NULL;
      pthread_create(&thread, NULL, call_go, (void*)amount);
      pthread_join(thread, &result);
      return (long)result;
    }
    */
    import "C"

    import (
        "fmt"
        "io"
        "os"
        "os/exec"
        "os/signal"
        "runtime"
        "sync"
        "sync/atomic"
        "syscall"
        "time"
    )

    //export goAdd
    func goAdd(amount C.long) C.long { return C.add(amount) - C.add(0) + 2*amount }

    func addInTurns() {
        var group sync.WaitGroup
        for worker := 0; worker < 8; worker++ {
            group.Add(1)
            go func() {
                defer group.Done()
                for i := 0; i < 300; i++ {
                    C.add(C.long(i))
                }
                C.add_in_thread(7)
            }()
        }
        group.Wait()
    }

    // With one processor nobody else runs until the runtime interrupts the loop.
    func interruptLoop() int {
        var over atomic.Value
        over.Store(false)
        go func() { over.Store(true) }()
        for !over.Load().(bool) {
        }
        return runtime.GOMAXPROCS(0)
    }

    func panicOfFault() (message string) {
        defer func() { message = fmt.Sprint(recover()) }()
        var nowhere *int
        return fmt.Sprint(*nowhere)
    }

    func ownSignal() os.Signal {
        received := make(chan os.Signal, 1)
        signal.Notify(received, syscall.SIGUSR2)
        syscall.Kill(os.Getpid(), syscall.SIGUSR2)
        return <-received
    }

    func main() {
        blocks := C.keep_blocks(3000)
        addInTurns()
        fmt.Println(C.add(0), interruptLoop(), panicOfFault(), ownSignal())
        output, err := exec.Command("/bin/sh", "-c", "echo child; exit 3").Output()
        fmt.Printf("%q %v\n", output, err)
        for i := 0; i < 3; i++ {
            runtime.GC()
            time.Sleep(time.Millisecond)
        }
        fmt.Println("ready")
        io.Copy(io.Discard, os.Stdin)
        C.free(*blocks)
        os.Exit(8)
    }
"""


def cgo_steps(folder: pathlib.Path) -> list[Step]:
    steps = compiled_steps(folder, ["go", "build"], "cgo", "cgo.go", CGO_SOURCE)
    steps[0].environment["GOMAXPROCS"] = "1"
    return steps
