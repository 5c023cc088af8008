#include "integration/support/network_namespace.hpp"

#include "integration/support/process.hpp"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace parrhesia::test {
namespace {

std::string ip_program() {
    for (const char* path : {"/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"}) {
        if (::access(path, X_OK) == 0) return path;
    }
    return "";
}

std::runtime_error failure(const std::string& what) {
    return std::runtime_error(what + ": " + std::generic_category().message(errno));
}

int this_namespace() {
    const int opened = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (opened < 0) throw failure("/proc/thread-self/ns/net");
    return opened;
}

void enter(int network) {
    if (::setns(network, CLONE_NEWNET) != 0) throw failure("setns");
}

// In a thread that does nothing else, so that nobody has to find the way back.
int make_namespace() {
    int made = -1;
    std::exception_ptr trouble;
    std::thread([&] {
        try {
            if (::unshare(CLONE_NEWNET) != 0) throw failure("unshare(CLONE_NEWNET)");
            made = this_namespace();
        } catch (...) {
            trouble = std::current_exception();
        }
    }).join();
    if (trouble) std::rethrow_exception(trouble);
    return made;
}

std::string port_name(std::size_t node) { return "port" + std::to_string(node); }

// Where another process finds an open file of ours.
std::string path_of(int descriptor) {
    return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(descriptor);
}

}  // namespace

std::string NetworkNamespaces::what_is_missing() {
    if (ip_program().empty()) return "the program ip (package iproute2) is missing";
    if (::geteuid() != 0) return "network namespaces need root";
    try {
        const NetworkNamespaces trial(1);
    } catch (const std::exception& error) {
        return std::string("network namespaces cannot be made here: ") + error.what();
    }
    return "";
}

NetworkNamespaces::NetworkNamespaces(std::size_t nodes) : outside_(this_namespace()) {
    try {
        switch_ = make_namespace();
        ip(switch_, {"link", "add", "switch0", "type", "bridge"});
        ip(switch_, {"link", "set", "switch0", "up"});
        for (std::size_t i = 0; i < nodes; ++i) {
            const int node = nodes_.emplace_back(make_namespace());
            ip(switch_, {"link", "add", port_name(i), "type", "veth", "peer", "name", "eth0",
                         "netns", path_of(node)});
            ip(switch_, {"link", "set", port_name(i), "master", "switch0", "up"});
            ip(node, {"address", "add", address(i) + "/24", "dev", "eth0"});
            ip(node, {"link", "set", "lo", "up"});
            ip(node, {"link", "set", "eth0", "up"});
        }
    } catch (...) {
        for (const int node : nodes_) ::close(node);
        ::close(switch_);
        ::close(outside_);
        throw;
    }
}

NetworkNamespaces::~NetworkNamespaces() {
    for (const int node : nodes_) ::close(node);
    ::close(switch_);
    ::close(outside_);
}

NetworkNamespaces::Inside::Inside(const NetworkNamespaces& namespaces, std::size_t node)
    : outside_(namespaces.outside_) {
    enter(namespaces.nodes_.at(node));
}

NetworkNamespaces::Inside::~Inside() {
    if (::setns(outside_, CLONE_NEWNET) != 0) std::terminate();  // all later tests would be lost
}

std::string NetworkNamespaces::address(std::size_t node) {
    return "10.77.0." + std::to_string(node + 1);
}

void NetworkNamespaces::link_up(std::size_t node, bool up) const {
    ip(nodes_.at(node), {"link", "set", "eth0", up ? "up" : "down"});
}

void NetworkNamespaces::cable_plugged(std::size_t node, bool plugged) const {
    ip(switch_, {"link", "set", port_name(node), plugged ? "up" : "down"});
}

void NetworkNamespaces::blackhole(std::size_t from, std::size_t to, bool active) const {
    ip(nodes_.at(from), {"route", active ? "add" : "delete", "blackhole", address(to) + "/32"});
}

void NetworkNamespaces::ip(int in_namespace, const std::vector<std::string>& arguments) const {
    std::string command = "ip";
    for (const std::string& argument : arguments) command += " " + argument;
    enter(in_namespace);
    std::string trouble;
    try {
        ChildProcess child(ip_program(), arguments);
        const auto code = child.wait();
        if (code != 0) trouble = command + ": " + child.errors();
    } catch (const std::exception& error) {
        trouble = command + ": " + error.what();
    }
    enter(outside_);
    if (!trouble.empty()) throw std::runtime_error(trouble);
}

}  // namespace parrhesia::test
