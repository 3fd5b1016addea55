// Row 8: clients without a timeout, of a server that neither accepts nor answers.

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int kClients = 3;

sockaddr_in g_address;

int Listen(int backlog) {
  const int server = socket(AF_INET, SOCK_STREAM, 0);
  g_address = {};
  g_address.sin_family = AF_INET;
  g_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(g_address);
  const auto address = reinterpret_cast<sockaddr*>(&g_address);
  const bool is_bound = bind(server, address, size) == 0 && listen(server, backlog) == 0;
  return is_bound ? getsockname(server, address, &size) : -1;
}

int Connect() {
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  const auto server = reinterpret_cast<const sockaddr*>(&g_address);
  (void)connect(client, server, sizeof(g_address));  // guilty: connect
  return client;
}

void Get() {
  const int client = Connect();  // guilty: get
  char answer[100];
  send(client, "GET / HTTP/1.0\r\n\r\n", 18, 0);
  recv(client, answer, sizeof(answer), 0);  // guilty: recv
}

}  // namespace

int main(int, char** arguments) {
  const bool is_refusing = arguments[1] == std::string("connect");
  if (Listen(is_refusing ? 0 : 100) != 0) return 1;
  if (arguments[1] == std::string("alone")) Get();  // guilty: alone
  if (is_refusing) Connect();                       // as much as the server's queue takes
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) clients.emplace_back(Get);  // creates
  for (std::thread& client : clients) client.join();             // joins
}
