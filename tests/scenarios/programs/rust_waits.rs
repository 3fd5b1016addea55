// What Rust's own library waits for, a thread each.

use std::sync::mpsc::{channel, sync_channel, Receiver, SyncSender};
use std::sync::{Barrier, Condvar, Mutex, RwLock};
use std::thread;

static HELD: Mutex<i32> = Mutex::new(0);
static TABLE: RwLock<i32> = RwLock::new(0);
static READY: Mutex<bool> = Mutex::new(false);
static CONDITION: Condvar = Condvar::new();

#[inline(never)]
fn lock_mutex() {
    *HELD.lock().unwrap() += 1; // waits: mutex
}

#[inline(never)]
fn write_table() {
    *TABLE.write().unwrap() += 1; // waits: writer
}

#[inline(never)]
fn wait_for_condition() {
    let mut ready = READY.lock().unwrap();
    while !*ready {
        ready = CONDITION.wait(ready).unwrap(); // waits: condition
    }
}

#[inline(never)]
fn park_for_ever() {
    loop {
        thread::park(); // waits: park
    }
}

#[inline(never)]
fn receive(from: Receiver<i32>) {
    from.recv().unwrap(); // waits: receive
}

#[inline(never)]
fn send(to: SyncSender<i32>) {
    loop {
        to.send(1).unwrap(); // waits: send
    }
}

#[inline(never)]
fn wait_at_barrier(barrier: &Barrier) {
    let is_leader = barrier.wait().is_leader(); // waits: barrier
    assert!(!is_leader);
}

fn main() {
    let _held = HELD.lock().unwrap();
    let _read = TABLE.read().unwrap();
    let (_sender, receiver) = channel();
    let (sync_sender, _receiver) = sync_channel(2);
    let barrier: &'static Barrier = Box::leak(Box::new(Barrier::new(2)));
    let mut threads = vec![
        thread::spawn(lock_mutex),
        thread::spawn(write_table),
        thread::spawn(wait_for_condition),
        thread::spawn(park_for_ever),
    ];
    threads.push(thread::spawn(move || receive(receiver)));
    threads.push(thread::spawn(move || send(sync_sender)));
    threads.push(thread::spawn(move || wait_at_barrier(barrier)));
    for thread in threads {
        thread.join().unwrap(); // joins
    }
}
