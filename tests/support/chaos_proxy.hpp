// A TCP proxy that does to connections what networks do to them: slow, stalled, half-open, cut,
// corrupted. Relays are tested through it, for which it is nothing but the network.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace parrhesia::test {

enum class Direction : std::uint8_t { to_target, to_client };

// What is wrong with one direction. By default nothing.
struct Fault {
    std::chrono::milliseconds latency{0};
    std::chrono::milliseconds jitter{0};  // up to so much more; the order stays
    std::size_t bytes_per_second = 0;     // 0: as many as come
    bool stall = false;                   // reads nothing: the sender meets back-pressure
    // Takes everything, the end of the stream included, and passes nothing: half of a half-open
    // connection. One that has lost something by it passes nothing any more: it would be garbage.
    bool blackhole = false;
    std::size_t corrupt_every = 0;  // flips a bit in each so many bytes; 0: none
};

enum class Ending : std::uint8_t { fin, rst };

struct ChaosCounters {
    struct Bytes {
        std::uint64_t taken = 0;
        std::uint64_t passed = 0;
        std::uint64_t dropped = 0;
        std::uint64_t flipped_bits = 0;
        std::uint64_t held = 0;  // now, by latency, rate or a receiver that does not read
    };
    std::array<Bytes, 2> bytes;  // by Direction
    std::uint64_t accepted = 0;  // connections, since the start
    std::uint64_t failed = 0;    // of these, whose target was not there
    std::uint64_t cut = 0;       // of these, by us
    std::uint64_t open = 0;      // now

    [[nodiscard]] const Bytes& of(Direction direction) const {
        return bytes[static_cast<std::size_t>(direction)];
    }
};

// Listens on a free port of the loopback; for each connection makes one to the target, which need
// not be there before. Its choices are those of its seed.
//
// Threading: one thread uses it; one of its own moves the bytes. What a call asks for holds when it
// returns. Errors: throws std::system_error.
class ChaosProxy {
  public:
    ChaosProxy(const std::string& target_host, std::uint16_t target_port, std::uint64_t seed = 1);
    ~ChaosProxy();  // resets what is open
    ChaosProxy(const ChaosProxy&) = delete;
    ChaosProxy& operator=(const ChaosProxy&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept;
    [[nodiscard]] std::string address() const;  // "127.0.0.1:PORT"

    void set(Direction direction, const Fault& fault);
    void set(const Fault& both);
    // New connections are refused, as where nobody listens; those that are open stay.
    void refuse(bool refused);
    // No faults, nothing refused, no cut to come. Connections that have lost something are reset,
    // as by a machine in between that has forgotten them.
    void heal();

    // Ends all connections.
    void cut(Ending ending);
    // Ends the connection that is the first to have passed so many more bytes that way; once.
    void cut_after(Direction direction, std::uint64_t bytes, Ending ending);

    [[nodiscard]] ChaosCounters counters() const;

  private:
    class Loop;
    std::unique_ptr<Loop> loop_;
};

}  // namespace parrhesia::test
