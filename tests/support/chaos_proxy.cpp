#include "support/chaos_proxy.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace parrhesia::test {
namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

// Of one direction of one connection. Little, here and in the kernel: that a receiver does not read
// is to be felt by the sender soon.
constexpr std::size_t kHeldBytes = 256 << 10;
constexpr int kKernelBytes = 64 << 10;
constexpr std::size_t kReadBytes = 16 << 10;
constexpr int kBacklog = 64;
// A rate is kept in steps of this.
constexpr std::size_t kStepsPerSecond = 50;

int check(int result, const char* what) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), what);
    return result;
}

void set_option(int socket, int level, int name, int value) {
    check(::setsockopt(socket, level, name, &value, sizeof(value)), "setsockopt");
}

sockaddr_in ipv4(const std::string& host, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
        throw std::system_error(EINVAL, std::generic_category(), "no IPv4 address: " + host);
    }
    return address;
}

int make_socket() {
    const int made =
        check(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
    set_option(made, SOL_SOCKET, SO_RCVBUF, kKernelBytes);
    set_option(made, SOL_SOCKET, SO_SNDBUF, kKernelBytes);
    return made;
}

void bind_to(int socket, std::uint16_t port) {
    const sockaddr_in address = ipv4("127.0.0.1", port);
    set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
    check(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), "bind");
}

std::uint16_t port_of(int socket) {
    sockaddr_in address{};
    socklen_t size = sizeof(address);
    check(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
    return ntohs(address.sin_port);
}

// On a free port that it keeps, also while it does not listen: a socket keeps only a port that it
// was bound to by number.
int make_listener() {
    const int chooser = make_socket();
    bind_to(chooser, 0);
    const int listener = make_socket();
    bind_to(listener, port_of(chooser));
    ::close(chooser);
    return listener;
}

bool would_block() noexcept { return errno == EAGAIN || errno == EINTR; }

void close_with(int socket, Ending ending) {
    if (ending == Ending::rst) {
        const linger at_once{1, 0};
        static_cast<void>(::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
    } else {
        // What is left unread would turn the end into a reset.
        static_cast<void>(::shutdown(socket, SHUT_WR));
        std::array<char, kReadBytes> unread{};
        while (::recv(socket, unread.data(), unread.size(), MSG_DONTWAIT) > 0) {
        }
    }
    ::close(socket);
}

}  // namespace

// All but call() is of the thread.
class ChaosProxy::Loop {
  public:
    Loop(const std::string& target_host, std::uint16_t target_port, std::uint64_t seed)
        : target_(ipv4(target_host, target_port)), random_(seed) {
        check(::listen(listener_, kBacklog), "listen");
        thread_ = std::thread([this] { run(); });
    }
    ~Loop() {
        call([this] { over_ = true; });
        thread_.join();
        for (Connection& connection : connections_) end(connection, Ending::rst);
        ::close(listener_);
        ::close(wake_);
    }
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Runs it on the thread, between two turns, and waits for its end. Throws what it throws.
    void call(std::function<void()> work) {
        const auto task = std::make_shared<std::packaged_task<void()>>(std::move(work));
        auto done = task->get_future();
        {
            const std::scoped_lock lock(mutex_);
            calls_.emplace_back([task] { (*task)(); });
        }
        const std::uint64_t one = 1;
        check(static_cast<int>(::write(wake_, &one, sizeof(one))), "write");
        done.get();
    }

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    void set(Direction direction, const Fault& fault) {
        const auto index = static_cast<std::size_t>(direction);
        faults_[index] = fault;
        until_flip_[index] = next_flip(index);
        if (!fault.blackhole) return;
        for (Connection& connection : connections_) {
            if (connection.lanes[index].held != 0) lose_held(connection.lanes[index], index);
        }
    }

    void refuse(bool refused) {
        if (refused == refused_) return;
        refused_ = refused;
        // A listening socket that is shut down keeps its port, and listens again when asked to.
        if (refused) {
            check(::shutdown(listener_, SHUT_RDWR), "shutdown");
        } else {
            check(::listen(listener_, kBacklog), "listen");
        }
    }

    void cut(Ending ending) {
        for (Connection& connection : connections_) cut(connection, ending);
        forget_ended();
    }

    void cut_after(Direction direction, std::uint64_t bytes, Ending ending) {
        cuts_[static_cast<std::size_t>(direction)] = PlannedCut{bytes, ending};
    }

    void heal() {
        set(Direction::to_target, {});
        set(Direction::to_client, {});
        cuts_ = {};
        refuse(false);
        for (Connection& connection : connections_) {
            const bool torn = std::ranges::any_of(connection.lanes, &Lane::lost);
            if (torn) end(connection, Ending::rst);
        }
        forget_ended();
    }

    [[nodiscard]] ChaosCounters counters() const {
        ChaosCounters result = counters_;
        for (const Connection& connection : connections_) {
            ++result.open;
            for (std::size_t i = 0; i < 2; ++i) result.bytes[i].held += connection.lanes[i].held;
        }
        return result;
    }

  private:
    struct Chunk {
        std::string bytes;
        std::size_t passed = 0;
        Time due;
    };
    // One direction: reads from sockets[index], writes to the other one.
    struct Lane {
        std::deque<Chunk> chunks;
        std::size_t held = 0;
        bool input_ended = false;
        bool output_ended = false;
        bool lost = false;  // a part of it: nothing is passed any more
        Time last_due;
        Time next_write;  // by the rate
    };
    struct Connection {
        std::array<int, 2> sockets{-1, -1};  // the client's, the target's
        bool connecting = true;
        bool ended = false;
        std::array<Lane, 2> lanes;
    };
    struct PlannedCut {
        std::uint64_t bytes = 0;
        Ending ending = Ending::rst;
    };

    void run() {
        while (!over_) {
            wait();
            std::vector<std::function<void()>> calls;
            {
                const std::scoped_lock lock(mutex_);
                calls.swap(calls_);
            }
            for (const auto& work : calls) work();
            move_bytes();
        }
    }

    // Until a socket is ready, something is due or a call comes.
    void wait() {
        std::vector<pollfd> polled{{wake_, POLLIN, 0}, {refused_ ? -1 : listener_, POLLIN, 0}};
        const Time now = Clock::now();
        std::optional<Time> next;
        for (const Connection& connection : connections_) {
            std::array<short, 2> events{};
            for (std::size_t i = 0; i < 2; ++i) {
                const Lane& lane = connection.lanes[i];
                if (wants_input(lane, i)) events[i] |= POLLIN;
                if (lane.chunks.empty() || connection.connecting) continue;
                const Time due = std::max(lane.chunks.front().due, lane.next_write);
                if (due <= now) {
                    events[1 - i] |= POLLOUT;
                } else if (!next || due < *next) {
                    next = due;
                }
            }
            if (connection.connecting) events[1] = POLLOUT;
            // Errors are reported even where nothing is asked for, so there nobody is to ask.
            for (std::size_t i = 0; i < 2; ++i) {
                polled.push_back({events[i] == 0 ? -1 : connection.sockets[i], events[i], 0});
            }
        }
        int limit_ms = -1;
        if (next) {
            limit_ms =
                1 + static_cast<int>(
                        std::chrono::duration_cast<std::chrono::milliseconds>(*next - now).count());
        }
        static_cast<void>(::poll(polled.data(), polled.size(), limit_ms));
        std::uint64_t ignored = 0;
        static_cast<void>(::read(wake_, &ignored, sizeof(ignored)));
    }

    // All that can move now: the sockets do not block, so what is not ready costs one call.
    void move_bytes() {
        if (!refused_) accept_all();
        for (Connection& connection : connections_) {
            if (connection.connecting) finish_connecting(connection);
            for (std::size_t i = 0; i < 2 && !connection.ended; ++i) {
                if (wants_input(connection.lanes[i], i)) take(connection, i);
            }
            for (std::size_t i = 0; i < 2 && !connection.ended; ++i) pass(connection, i);
            if (!connection.ended) end_if_done(connection);
        }
        forget_ended();
    }

    void accept_all() {
        for (;;) {
            const int client = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (client < 0) return;
            ++counters_.accepted;
            set_option(client, IPPROTO_TCP, TCP_NODELAY, 1);
            Connection& connection = connections_.emplace_back();
            connection.sockets = {client, make_socket()};
            set_option(connection.sockets[1], IPPROTO_TCP, TCP_NODELAY, 1);
            static_cast<void>(::connect(connection.sockets[1],
                                        reinterpret_cast<const sockaddr*>(&target_),
                                        sizeof(target_)));
        }
    }

    void finish_connecting(Connection& connection) {
        pollfd ready{connection.sockets[1], POLLOUT, 0};
        if (::poll(&ready, 1, 0) != 1) return;
        int error = 0;
        socklen_t size = sizeof(error);
        static_cast<void>(::getsockopt(connection.sockets[1], SOL_SOCKET, SO_ERROR, &error, &size));
        if (error != 0) {
            ++counters_.failed;
            return end(connection, Ending::rst);
        }
        connection.connecting = false;
    }

    [[nodiscard]] bool wants_input(const Lane& lane, std::size_t index) const {
        return !lane.input_ended && !faults_[index].stall && lane.held < kHeldBytes;
    }

    void take(Connection& connection, std::size_t index) {
        Lane& lane = connection.lanes[index];
        const Fault& fault = faults_[index];
        std::array<char, kReadBytes> buffer{};
        const ssize_t size = ::recv(connection.sockets[index], buffer.data(), buffer.size(), 0);
        if (size < 0 && would_block()) return;
        if (fault.blackhole) lane.lost = true;  // of a stream that goes on, or of its end
        if (size <= 0) {
            lane.input_ended = true;
            // An abort is passed on as such; what is lost stays a secret of this side.
            if (size < 0 && !lane.lost) end(connection, Ending::rst);
            return;
        }
        const auto bytes = static_cast<std::uint64_t>(size);
        counters_.bytes[index].taken += bytes;
        if (lane.lost) {
            counters_.bytes[index].dropped += bytes;
            return;
        }
        Chunk chunk{std::string(buffer.data(), bytes), 0, Clock::now() + fault.latency};
        if (fault.jitter.count() > 0) {
            chunk.due += std::chrono::milliseconds(
                std::uniform_int_distribution<std::int64_t>(0, fault.jitter.count())(random_));
        }
        chunk.due = lane.last_due = std::max(chunk.due, lane.last_due);
        corrupt(chunk.bytes, index);
        lane.held += bytes;
        lane.chunks.push_back(std::move(chunk));
    }

    void corrupt(std::string& bytes, std::size_t index) {
        if (faults_[index].corrupt_every == 0) return;
        std::size_t at = 0;
        while (until_flip_[index] < bytes.size() - at) {
            at += until_flip_[index];
            bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random_() % 8)));
            ++at;
            ++counters_.bytes[index].flipped_bits;
            until_flip_[index] = next_flip(index);
        }
        until_flip_[index] -= bytes.size() - at;
    }

    // Bytes that stay whole: as many as asked for on average.
    std::size_t next_flip(std::size_t index) {
        const std::size_t every = faults_[index].corrupt_every;
        return every == 0 ? 0 : std::uniform_int_distribution<std::size_t>(0, 2 * every)(random_);
    }

    void pass(Connection& connection, std::size_t index) {
        Lane& lane = connection.lanes[index];
        const int to = connection.sockets[1 - index];
        while (!connection.connecting && !lane.chunks.empty()) {
            const Time now = Clock::now();
            Chunk& chunk = lane.chunks.front();
            if (chunk.due > now || lane.next_write > now) return;
            const std::size_t rate = faults_[index].bytes_per_second;
            std::size_t size = chunk.bytes.size() - chunk.passed;
            if (rate != 0) size = std::min(size, std::max<std::size_t>(1, rate / kStepsPerSecond));
            if (cuts_[index]) size = std::min<std::size_t>(size, cuts_[index]->bytes);
            const ssize_t sent = ::send(to, chunk.bytes.data() + chunk.passed, size, MSG_NOSIGNAL);
            if (sent < 0 && would_block()) return;
            if (sent < 0) return on_receiver_gone(connection, index);
            const auto passed = static_cast<std::size_t>(sent);
            counters_.bytes[index].passed += passed;
            lane.held -= passed;
            chunk.passed += passed;
            if (chunk.passed == chunk.bytes.size()) lane.chunks.pop_front();
            if (rate != 0) {
                lane.next_write = std::max(now, lane.next_write) +
                                  std::chrono::microseconds(1'000'000 * passed / rate);
            }
            if (cuts_[index] && (cuts_[index]->bytes -= passed) == 0) {
                const Ending ending = cuts_[index]->ending;
                cuts_[index].reset();
                return cut(connection, ending);
            }
        }
        if (lane.input_ended && !lane.lost && lane.chunks.empty() && !connection.connecting &&
            !std::exchange(lane.output_ended, true)) {
            static_cast<void>(::shutdown(to, SHUT_WR));
        }
    }

    // Who does not take any more does not send either: its own direction has ended in an abort.
    void on_receiver_gone(Connection& connection, std::size_t index) {
        Lane& other = connection.lanes[1 - index];
        if (!other.lost && !faults_[1 - index].blackhole) return end(connection, Ending::rst);
        other.lost = true;
        other.input_ended = true;
        lose_held(connection.lanes[index], index);
    }

    void lose_held(Lane& lane, std::size_t index) {
        lane.lost = true;
        counters_.bytes[index].dropped += std::exchange(lane.held, 0);
        lane.chunks.clear();
    }

    void end_if_done(Connection& connection) {
        const bool done = std::ranges::all_of(connection.lanes, [](const Lane& lane) {
            return lane.output_ended || (lane.lost && lane.input_ended);
        });
        if (done) end(connection, Ending::fin);
    }

    void cut(Connection& connection, Ending ending) {
        if (connection.ended) return;
        ++counters_.cut;
        end(connection, ending);
    }

    static void end(Connection& connection, Ending ending) {
        if (std::exchange(connection.ended, true)) return;
        for (const int socket : connection.sockets) close_with(socket, ending);
    }

    void forget_ended() {
        connections_.remove_if([](const Connection& connection) { return connection.ended; });
    }

    // constant after construction
    const sockaddr_in target_;
    const int listener_ = make_listener();
    const int wake_ = check(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd");
    const std::uint16_t port_ = port_of(listener_);

    // owned by the thread
    std::mt19937_64 random_;
    std::array<Fault, 2> faults_;
    std::array<std::size_t, 2> until_flip_{};
    std::array<std::optional<PlannedCut>, 2> cuts_;
    bool refused_ = false;
    bool over_ = false;
    std::list<Connection> connections_;
    ChaosCounters counters_;

    std::mutex mutex_;
    std::vector<std::function<void()>> calls_;  // guarded by mutex_
    std::thread thread_;
};

ChaosProxy::ChaosProxy(const std::string& target_host, std::uint16_t target_port,
                       std::uint64_t seed)
    : loop_(std::make_unique<Loop>(target_host, target_port, seed)) {}

ChaosProxy::~ChaosProxy() = default;

std::uint16_t ChaosProxy::port() const noexcept { return loop_->port(); }

std::string ChaosProxy::address() const { return "127.0.0.1:" + std::to_string(port()); }

void ChaosProxy::set(Direction direction, const Fault& fault) {
    loop_->call([&] { loop_->set(direction, fault); });
}

void ChaosProxy::set(const Fault& both) {
    loop_->call([&] {
        loop_->set(Direction::to_target, both);
        loop_->set(Direction::to_client, both);
    });
}

void ChaosProxy::refuse(bool refused) {
    loop_->call([&] { loop_->refuse(refused); });
}

void ChaosProxy::heal() {
    loop_->call([&] { loop_->heal(); });
}

void ChaosProxy::cut(Ending ending) {
    loop_->call([&] { loop_->cut(ending); });
}

void ChaosProxy::cut_after(Direction direction, std::uint64_t bytes, Ending ending) {
    loop_->call([&] { loop_->cut_after(direction, bytes, ending); });
}

ChaosCounters ChaosProxy::counters() const {
    ChaosCounters result;
    loop_->call([&] { result = loop_->counters(); });
    return result;
}

}  // namespace parrhesia::test
