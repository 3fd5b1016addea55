"""The programs that hang, and what must be said of each. Plain data, read by scenarios_test.py.

A place is (function, mark): the mark is a comment in the program's source, such as `// guilty: queue`; an
empty one is any line of the function.
"""

import dataclasses

Place = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Group:
    """Threads that do the same at the same place."""

    count: int
    reason: str
    places: tuple[Place, ...] = ()  # of the program, innermost first: the stack begins with them
    creator: Place | None = None
    remark: str = ""
    is_hooked: bool = True  # else nobody knows since when it waits


@dataclasses.dataclass(frozen=True)
class Finding:
    """What `limpet deadlocks` must find: kind, the numbers of its threads, and how many wait behind them."""

    kind: str
    threads: tuple[int, ...]
    behind: int = 0


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str  # of its golden file, row of the table first
    program: str
    kind: str
    groups: tuple[Group, ...]
    # Why what a living process says cannot all be said after its death; empty: it is the same.
    differs_when_dead: str = ""
    verdict: tuple[Finding, ...] = ()

    @property
    def verdict_when_dead(self) -> tuple[Finding, ...]:
        """How long its waits were is not known, and so no convoy; nor who ended, where its record is gone."""
        if self.differs_when_dead == REUSED:
            return ()
        return tuple(finding for finding in self.verdict if finding.kind != "convoy")

    @property
    def may_be_lost_when_dead(self) -> bool:
        """There is a trace by chance only: of a process that happened to be sampled."""
        return self.differs_when_dead == ALONE

    @property
    def threads(self) -> int:
        return sum(group.count for group in self.groups)


DESCRIPTOR = "what a descriptor is, only /proc tells"
CALL = "what a call is given, and what its object holds, only the living process tells"
REUSED = "the ended owner's record was taken by a later thread"
ALONE = "a process whose only thread is main records no waits"

PUSH = ("BoundedQueue::Push", "blocks: push")
POP = ("BoundedQueue::Pop", "blocks: pop")
NO_TIMEOUT = "fd N to 127.0.0.1:PORT without timeout"
SECOND = ("Transfer", "guilty: second")
COND, WAIT_GROUP, SELECT = "sync.Cond.Wait", "sync.WaitGroup.Wait", "select (no cases)"
MUTEX = "sync.Mutex.Lock"


def main_joins(number: int, mark: str = "joins") -> Group:
    return Group(1, WAIT_GROUP, (("main", mark),), remark=f"for {number}")


def scenario(name: str, program: str, kind: str, *groups: Group, dead: str = "",
             verdict: tuple[Finding, ...] = ()) -> Scenario:
    return Scenario(name, program, kind, groups, dead, verdict)


def one_kind(name: str, program: str, kind: str, count: int, reason: str, places: tuple[Place, ...],
             creator: Place, remark: str = "", first: int = 2, joined: str = "joins", dead: str = "",
             verdict: tuple[Finding, ...] = ()) -> Scenario:
    """`count` threads alike, for the first of which main waits."""
    return scenario(name, program, kind, main_joins(first, joined),
                    Group(count, reason, places, creator, remark), dead=dead, verdict=verdict)


SENDERS = ("StartProducers", "creates")
TAKERS = ("StartConsumers", "creates")
MAIN = ("main", "creates")

SCENARIOS = (
    one_kind("01-queue", "full_queue", "queue", 4, COND, (PUSH, ("SendOrders", "guilty: queue")),
             SENDERS, first=3),
    one_kind("01-pipe", "full_queue", "pipe", 4, "chan send", (("SendLines", "guilty: pipe"),),
             SENDERS, "fd 4", dead=DESCRIPTOR),
    one_kind("01-message-queue", "full_queue", "message_queue", 4, "chan send",
             (("SendMessages", "guilty: message_queue"),), SENDERS, "fd 3"),
    one_kind("02-queue", "empty_queue", "queue", 3, COND, (POP, ("TakeJobs", "guilty: queue")), TAKERS),
    one_kind("02-future", "empty_queue", "future", 3, "chan receive",
             (("ShowPrice", "guilty: future"),), TAKERS),
    one_kind("02-pipe", "empty_queue", "pipe", 3, "chan receive", (("ReadLines", "guilty: pipe"),),
             TAKERS, "fd 3", dead=DESCRIPTOR),
    one_kind("03-condition", "nobody_wakes", "condition", 1, COND,
             (("WaitForOwnCondition", "guilty: condition"),), MAIN),
    one_kind("03-semaphore", "nobody_wakes", "semaphore", 1, "semacquire",
             (("WaitForOwnSemaphore", "guilty: semaphore"),), MAIN),
    one_kind("03-pause", "nobody_wakes", "pause", 1, SELECT, (("WaitForSignal", "guilty: pause"),), MAIN),
    one_kind("03-poll", "nobody_wakes", "poll", 1, SELECT, (("WaitForNoEvent", "guilty: poll"),), MAIN),
    scenario("04-pool", "worker_pool", "", Group(1, SELECT, (("main", "pauses"),)),
             Group(6, COND, (POP, ("Work", "guilty: range")), ("Pool::Pool", "creates"))),
    one_kind("05-producer-threw", "dead_partner", "producer_threw", 1, COND,
             (POP, ("SumRows", "guilty: producer_threw")), ("main", "creates: consumer"), first=3,
             joined="joins: consumer"),
    one_kind("05-consumer-returned", "dead_partner", "consumer_returned", 1, COND,
             (PUSH, ("WriteAllRows", "guilty: consumer_returned")), ("main", "creates: producer"),
             joined="joins: producer"),
    one_kind("06-poll", "endless_select", "poll", 1, "select", (("LoopWithPoll", "guilty: poll"),), MAIN,
             "fds 3 4", dead=CALL),
    one_kind("06-epoll", "endless_select", "epoll", 1, "select", (("LoopWithEpoll", "guilty: epoll"),),
             MAIN, "fd 6 for 3 4", dead=CALL),
    one_kind("06-select", "endless_select", "select", 1, "select",
             (("LoopWithSelect", "guilty: select"),), MAIN, "fd 4", dead=CALL),
    scenario("07-sleep", "unstopped_timers", "sleep", Group(1, SELECT, (("main", "pauses"),)),
             Group(5, "sleep", (("Expire", "guilty: sleep"),), ("HandleRequest", "creates: request"))),
    scenario("07-timerfd", "unstopped_timers", "timerfd", Group(1, SELECT, (("main", "pauses"),)),
             Group(5, "sleep", (("Tick", "guilty: timerfd"),), ("HandleRequest", "creates: request")),
             dead=DESCRIPTOR),
    scenario("07-timer", "unstopped_timers", "timer", Group(1, SELECT, (("main", "pauses"),)),
             Group(1, "sleep", (), ("HandleSession", "creates: session"), "5 timers", is_hooked=False),
             dead=CALL),
    one_kind("08-connect", "no_timeout", "connect", 3, "IO wait",
             (("Connect", "guilty: connect"), ("Get", "guilty: get")), MAIN, NO_TIMEOUT, dead=CALL),
    one_kind("08-recv", "no_timeout", "recv", 3, "IO wait", (("Get", "guilty: recv"),), MAIN, NO_TIMEOUT,
             dead=CALL),
    scenario("08-alone", "no_timeout", "alone",
             Group(1, "IO wait", (("Get", "guilty: recv"), ("main", "guilty: alone")), remark=NO_TIMEOUT),
             dead=ALONE),
    one_kind("09-early-return", "left_locked", "early_return", 3, MUTEX,
             (("Account::Deposit", "guilty: waits"), ("Serve", "guilty: serve")), MAIN, "held by 1",
             verdict=(Finding("deadlock", (1, 2), 2),)),
    one_kind("09-exception", "left_locked", "exception", 3, MUTEX,
             (("Account::Deposit", "guilty: waits"), ("Serve", "guilty: serve")), MAIN, "held by 1",
             verdict=(Finding("deadlock", (1, 2), 2),)),
    one_kind("09-owner-ended", "left_locked", "owner_ended", 3, MUTEX,
             (("Account::Deposit", "guilty: waits"), ("Serve", "guilty: serve")), MAIN,
             "held by tid TID which has ended", first=3, dead=REUSED,
             verdict=(Finding("orphaned lock", (3, 4, 5), 1),)),
    scenario("10-join", "missing_done", "join",
             Group(1, WAIT_GROUP, (("RunJoined", "guilty: join"),), remark="for 2"),
             Group(1, COND, (POP, ("WorkForEver", "guilty: endless")), ("RunJoined", "creates: join"))),
    scenario("10-latch", "missing_done", "latch",
             Group(1, WAIT_GROUP, (("RunCounted", "guilty: latch"),))),
    scenario("10-barrier", "missing_done", "barrier",
             Group(1, WAIT_GROUP, (("RunPhases", "joins: barrier"),), remark="for 2"),
             Group(4, WAIT_GROUP, (("WorkInPhases", "guilty: barrier"),),
                   ("RunPhases", "creates: barrier"), "1 missing"), dead=CALL),
    scenario("11-two-locks", "deadlock", "two",
             Group(1, WAIT_GROUP, (("RunTwo", "joins: two"),), remark="for 2"),
             Group(1, MUTEX, (SECOND, ("PayRent", "guilty: pays")), ("RunTwo", "creates: tenant"), "held by 3"),
             Group(1, MUTEX, (SECOND, ("PayWages", "guilty: earns")), ("RunTwo", "creates: landlord"),
                   "held by 2"),
             verdict=(Finding("deadlock", (2, 3), 1),)),
    scenario("11-three-locks", "deadlock", "three",
             Group(1, WAIT_GROUP, (("RunThree", "joins: three"),), remark="for 2"),
             Group(1, MUTEX, (SECOND, ("PayRent", "guilty: pays")), ("RunThree", "creates: payer"), "held by 3"),
             Group(1, MUTEX, (SECOND, ("PayTaxes", "guilty: taxes")), ("RunThree", "creates: owner"),
                   "held by 4"),
             Group(1, MUTEX, (SECOND, ("PayBack", "guilty: refund")), ("RunThree", "creates: office"),
                   "held by 2"),
             verdict=(Finding("deadlock", (2, 3, 4), 1),)),
    scenario("11-same-lock", "deadlock", "self",
             Group(1, WAIT_GROUP, (("RunSelf", "joins: self"),), remark="for 2"),
             Group(1, MUTEX, (("Deposit", "guilty: again"), ("DepositTwice", "guilty: twice")),
                   ("RunSelf", "creates: clerk"), "held by 2"),
             verdict=(Finding("deadlock", (2,), 1),)),
    scenario("11-lock-and-join", "deadlock", "stop",
             Group(1, WAIT_GROUP, (("RunStop", "guilty: stop"),), remark="for 2"),
             Group(1, MUTEX, (("Deposit", "guilty: again"), ("Serve", "guilty: serves")),
                   ("RunStop", "creates: worker"), "held by 1"),
             verdict=(Finding("deadlock", (1, 2)),)),
    scenario("11-once", "deadlock", "once",
             Group(1, WAIT_GROUP, (("RunOnce", "joins: once"),), remark="for 2"),
             Group(1, "semacquire", (("Log", "guilty: inner"), ("ReadSettings", "guilty: logs"),
                                     ("UseSettings", "guilty: outer")), ("RunOnce", "creates: user"), "run by 2"),
             verdict=(Finding("deadlock", (2,), 1),)),
    scenario("11-static", "deadlock", "static",
             Group(1, WAIT_GROUP, (("RunStatic", "joins: static"),), remark="for 2"),
             Group(1, MUTEX, (("Deposit", "guilty: again"), ("Rates::Rates", "guilty: making"), ("Percent", "guilty: rates"),
                              ("MakeRates", "guilty: makes")), ("RunStatic", "creates: maker"), "held by 3"),
             Group(1, "semacquire", (("Percent", "guilty: rates"), ("AddInterest", "guilty: interest")),
                   ("RunStatic", "creates: adder"), "run by 2"),
             verdict=(Finding("deadlock", (2, 3), 1),)),
    scenario("11-joins", "deadlock", "joins",
             Group(1, MUTEX, (("RunJoins", "guilty: main"),), remark="held by 1"),
             Group(3, WAIT_GROUP, (("AwaitNext", "guilty: next"),), ("RunJoins", "creates: ring")),
             verdict=(Finding("deadlock", (1,)), Finding("deadlock", (2, 3, 4)))),
    scenario("12-writer", "readers_and_writers", "writer", main_joins(2),
             Group(1, COND, (POP, ("ReadForEver", "guilty: reader")), ("StartHolder", "creates: holder")),
             Group(1, "sync.RWMutex.Lock", (("Write", "guilty: writer"),), ("main", "creates: user"), "read by 2"),
             verdict=(Finding("convoy", (2,), 2),)),
    scenario("12-readers", "readers_and_writers", "readers", main_joins(2),
             Group(1, COND, (POP, ("WriteForEver", "guilty: endless_writer")),
                   ("StartHolder", "creates: holder")),
             Group(3, "sync.RWMutex.RLock", (("Read", "guilty: readers"),), ("main", "creates: user"),
                   "held by 2"),
             verdict=(Finding("convoy", (2,), 4),)),
    one_kind("12-upgrade", "readers_and_writers", "upgrade", 1, "sync.RWMutex.Lock",
             (("Upgrade", "guilty: upgrade"),), ("main", "creates: user"), remark="read by 2",
             verdict=(Finding("deadlock", (2,), 1),)),
    one_kind("13-flag", "dead_loop", "flag", 1, "running", (), MAIN),
    one_kind("13-try-lock", "dead_loop", "try_lock", 1, "running", (), MAIN),
    scenario("14-request", "thread_per_request", "", Group(1, SELECT, (("main", "pauses"),)),
             Group(40, COND, (POP, ("AwaitAnswer", "guilty: request")), ("HandleRequest", "creates"))),
)


def library(main: str, creator: Place | None, *waits: tuple[str, str, str]) -> tuple[Group, ...]:
    """A thread each: (word, function, mark behind "waits: "); and main."""
    return (Group(1, WAIT_GROUP, ((main, "joins"),), remark="for 2"),) + tuple(
        Group(1, word, ((function, f"waits: {mark}"),), creator) for word, function, mark in waits)


LIBRARIES = (
    scenario("library-cpp", "library_waits", "",
             *library("main", MAIN,
                      ("semacquire", "AcquireSlot", "semaphore"), (WAIT_GROUP, "WaitAtLatch", "latch"),
                      (WAIT_GROUP, "WaitAtBarrier", "barrier"), ("semacquire", "WaitForWord", "word"),
                      ("chan receive", "GetFuture", "future"), (COND, "WaitForCondition", "condition"),
                      (COND, "WaitForAnyCondition", "any_condition"))),
    scenario("library-absl", "absl_waits", "",
             *library("main", MAIN,
                      ("sync.Mutex.Lock", "Lock", "mutex"), ("sync.RWMutex.RLock", "LockToRead", "reader"),
                      # Debian's library has no name for the cold half of CondVar::Wait: no guess.
                      ("semacquire", "WaitForCondition", "condition"), (COND, "AwaitCondition", "await"),
                      (WAIT_GROUP, "WaitForNotification", "notification"),
                      (WAIT_GROUP, "WaitForCounter", "counter"))),
    scenario("library-rust", "rust_waits", "",
             *library("rust_waits::main", ("rust_waits::main", ""),
                      ("sync.Mutex.Lock", "rust_waits::lock_mutex", "mutex"),
                      ("sync.RWMutex.Lock", "rust_waits::write_table", "writer"),
                      (COND, "rust_waits::wait_for_condition", "condition"),
                      ("semacquire", "rust_waits::park_for_ever", "park"),
                      ("chan receive", "rust_waits::receive", "receive"),
                      ("chan send", "rust_waits::send", "send"),
                      (WAIT_GROUP, "rust_waits::wait_at_barrier", "barrier"))),
)
