// A line server with a leak, for the demonstration and for tests that need a real program.
//
//   client: "name\n"      server: "hello name, visit N\n"
//
// Each request opens a session that nobody ever closes: that is the leak, in OpenSession. Greetings
// are cached too, but the cache is bounded: its memory is in use and no leak, in RenderGreeting.
// It listens on a free port of the loopback, says which on stdout, and ends on SIGTERM or after the
// seconds given as its argument (60).
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace demo {

constexpr std::size_t kHistoryBytes = 2000;
constexpr std::size_t kMaxGreetings = 256;
constexpr std::size_t kGreetingBytes = 4096;
constexpr std::size_t kMaxLineBytes = 256;

struct Session {
  std::string name;
  std::unique_ptr<char[]> history;
};

struct Connection {
  int descriptor;
  std::string unread;
};

class Server {
 public:
  explicit Server(int listener) : listener_(listener) {}

  void Serve() {
    for (;;) {
      std::vector<pollfd> waiting = {{listener_, POLLIN, 0}};
      for (const Connection& connection : connections_) {
        waiting.push_back({connection.descriptor, POLLIN, 0});
      }
      if (poll(waiting.data(), waiting.size(), -1) < 0) {
        if (errno == EINTR) continue;
        return;
      }
      // Backwards: a connection that ended is taken out of the list.
      for (std::size_t i = connections_.size(); i > 0; --i) {
        if (waiting[i].revents != 0 && !Read(connections_[i - 1])) Close(i - 1);
      }
      if (waiting[0].revents != 0) Accept();
    }
  }

 private:
  void Accept() {
    const int descriptor = accept(listener_, nullptr, nullptr);
    if (descriptor >= 0) connections_.push_back({descriptor, {}});
  }

  void Close(std::size_t index) {
    close(connections_[index].descriptor);
    connections_.erase(connections_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  // False when the client is gone, or talks nonsense.
  bool Read(Connection& connection) {
    char text[4096];
    const ssize_t bytes = read(connection.descriptor, text, sizeof(text));
    if (bytes <= 0) return bytes < 0 && errno == EINTR;
    connection.unread.append(text, static_cast<std::size_t>(bytes));
    std::size_t end = 0;
    while ((end = connection.unread.find('\n')) != std::string::npos) {
      Answer(connection.descriptor, connection.unread.substr(0, end));
      connection.unread.erase(0, end + 1);
    }
    return connection.unread.size() <= kMaxLineBytes;
  }

  [[gnu::noinline]] void Answer(int descriptor, const std::string& name) {
    OpenSession(name);
    const std::string visit = std::to_string(sessions_.size());
    const std::string answer = RenderGreeting(name).substr(0, name.size() + 6) + ", visit " + visit;
    const std::string line = answer + "\n";
    if (write(descriptor, line.data(), line.size()) < 0) std::perror("write");
  }

  // The leak: sessions are opened and never closed.
  [[gnu::noinline]] void OpenSession(const std::string& name) {
    auto history = std::make_unique<char[]>(kHistoryBytes);
    sessions_.push_back({name, std::move(history)});
  }

  [[gnu::noinline]] const std::string& RenderGreeting(const std::string& name) {
    if (greetings_.size() >= kMaxGreetings) greetings_.erase(greetings_.begin());
    std::string& greeting = greetings_[name];
    if (greeting.empty()) greeting = "hello " + name + std::string(kGreetingBytes, '.');
    return greeting;
  }

  int listener_;
  std::vector<Connection> connections_;
  std::vector<Session> sessions_;
  std::map<std::string, std::string> greetings_;
};

int Listen() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (listener < 0 || bind(listener, generic, bytes) != 0 || listen(listener, 64) != 0 ||
      getsockname(listener, generic, &bytes) != 0) {
    return -1;
  }
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return listener;
}

}  // namespace demo

int main(int count, char** arguments) {
  const int seconds = count > 1 ? std::atoi(arguments[1]) : 60;
  alarm(static_cast<unsigned>(seconds > 0 ? seconds : 60));
  const int listener = demo::Listen();
  if (listener < 0) {
    std::perror("leaky_server");
    return 1;
  }
  demo::Server(listener).Serve();
  return 0;
}
