// Machines of a test's own: network namespaces that are cabled to one switch. What happens to a
// cable or a route is the kernel's doing here, not a proxy's.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace parrhesia::test {

// Node n has the address 10.77.0.(n + 1) and a loopback of its own. Nothing of it is seen outside,
// and nothing has a name: it is gone with the last process that uses it, however that ends.
//
// Threading: one thread; the namespace is that of the thread that calls, and of the processes and
// sockets that it makes. Errors: throws std::runtime_error with what "ip" said.
class NetworkNamespaces {
  public:
    // Empty when they can be made; else what is missing, for GTEST_SKIP(). Needs root with
    // CAP_NET_ADMIN, iproute2, and a kernel with bridges and veth pairs.
    [[nodiscard]] static std::string what_is_missing();

    explicit NetworkNamespaces(std::size_t nodes);
    ~NetworkNamespaces();
    NetworkNamespaces(const NetworkNamespaces&) = delete;
    NetworkNamespaces& operator=(const NetworkNamespaces&) = delete;

    // The calling thread is on that machine while this lives: what it starts and connects, too.
    class Inside {
      public:
        Inside(const NetworkNamespaces& namespaces, std::size_t node);
        ~Inside();
        Inside(const Inside&) = delete;
        Inside& operator=(const Inside&) = delete;

      private:
        const int outside_;
    };

    [[nodiscard]] static std::string address(std::size_t node);

    // The node's interface: without it the node knows at once that it reaches nobody, while the
    // others notice nothing.
    void link_up(std::size_t node, bool up) const;
    // The node's cable, at the switch: carrier and packets are gone, the addresses stay.
    void cable_plugged(std::size_t node, bool plugged) const;
    // Packets from one to the other vanish without a word, one way: nobody notices anything.
    void blackhole(std::size_t from, std::size_t to, bool active) const;

  private:
    // Runs "ip" with these arguments in one of the namespaces.
    void ip(int in_namespace, const std::vector<std::string>& arguments) const;

    int outside_ = -1;
    int switch_ = -1;
    std::vector<int> nodes_;
};

}  // namespace parrhesia::test
