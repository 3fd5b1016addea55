// One thread in each of the calls that seek a name, of a server that says nothing.

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/preload/programs/waiter.h"

namespace {

constexpr char kName[] = "nobody.example";

sockaddr_in g_silent_server = {};

void StartSilentServer() {
  g_silent_server.sin_family = AF_INET;
  g_silent_server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(g_silent_server);
  auto* address = reinterpret_cast<sockaddr*>(&g_silent_server);
  int server = socket(AF_INET, SOCK_DGRAM, 0);
  Require(bind(server, address, size) == 0 && getsockname(server, address, &size) == 0, "a server");
}

// Each thread has settings of its own.
void AskSilentServer(res_state state) {
  Require(res_ninit(state) == 0, "the resolver's settings are read");
  state->nscount = 1;
  state->nsaddr_list[0] = g_silent_server;
  state->retrans = 1000;
  state->retry = 1;
}

unsigned char g_answer[512];
thread_local struct __res_state t_state = {};

SITE void Getaddrinfo() {
  addrinfo* found = nullptr;
  WAIT_IN(nullptr, getaddrinfo(kName, nullptr, nullptr, &found));
}
SITE void Getnameinfo() {
  char host[64];
  sockaddr_in address = g_silent_server;
  address.sin_addr.s_addr = htonl(0xC0000201);  // 192.0.2.1, which is nobody's
  auto* any = reinterpret_cast<sockaddr*>(&address);
  WAIT_IN(nullptr, getnameinfo(any, sizeof(address), host, sizeof(host), nullptr, 0, 0));
}
SITE void Gethostbyname() { WAIT_IN(nullptr, gethostbyname(kName)); }
SITE void GethostbynameR() {
  hostent entry;
  hostent* found = nullptr;
  char room[512];
  int error = 0;
  WAIT_IN(nullptr, gethostbyname_r(kName, &entry, room, sizeof(room), &found, &error));
}
SITE void Query() { WAIT_IN(nullptr, res_query(kName, C_IN, T_A, g_answer, sizeof(g_answer))); }
SITE void Search() { WAIT_IN(nullptr, res_search(kName, C_IN, T_A, g_answer, sizeof(g_answer))); }
SITE void QueryDomain() {
  WAIT_IN(nullptr, res_querydomain("a", "example", C_IN, T_A, g_answer, sizeof(g_answer)));
}
SITE void Send() {
  unsigned char question[128];
  int n = res_mkquery(QUERY, kName, C_IN, T_A, nullptr, 0, nullptr, question, sizeof(question));
  WAIT_IN(nullptr, res_send(question, n, g_answer, sizeof(g_answer)));
}
SITE void NQuery() {
  WAIT_IN(nullptr, res_nquery(&t_state, kName, C_IN, T_A, g_answer, sizeof(g_answer)));
}
SITE void NSearch() {
  WAIT_IN(nullptr, res_nsearch(&t_state, kName, C_IN, T_A, g_answer, sizeof(g_answer)));
}

SITE void NQueryDomain() {
  WAIT_IN(nullptr, res_nquerydomain(&t_state, "a", "example", C_IN, T_A, g_answer, 512));
}
SITE void NSend() {
  unsigned char question[128];
  int n = res_mkquery(QUERY, kName, C_IN, T_A, nullptr, 0, nullptr, question, sizeof(question));
  WAIT_IN(nullptr, res_nsend(&t_state, question, n, g_answer, sizeof(g_answer)));
}

template <void (*kWait)()>
void Unanswered() {
  AskSilentServer(&_res);
  AskSilentServer(&t_state);
  kWait();
}

constexpr Waiter kWaiters[] = {
    {"getaddrinfo", Unanswered<Getaddrinfo>},
    {"getnameinfo", Unanswered<Getnameinfo>},
    {"gethostbyname", Unanswered<Gethostbyname>},
    {"gethostbyname_r", Unanswered<GethostbynameR>},
    {"res_query", Unanswered<Query>},
    {"res_search", Unanswered<Search>},
    {"res_querydomain", Unanswered<QueryDomain>},
    {"res_send", Unanswered<Send>},
    {"res_nquery", Unanswered<NQuery>},
    {"res_nsearch", Unanswered<NSearch>},
    {"res_nquerydom", Unanswered<NQueryDomain>},
    {"res_nsend", Unanswered<NSend>},
};

}  // namespace

int main() {
  StartWatchdog();
  StartSilentServer();
  StartWaiters(kWaiters);
  Say("ready");
  WaitForTest();
  _exit(0);
}
