#include "mesh/dns_lookup.hpp"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

namespace parrhesia::mesh {
namespace {

constexpr int kServerSeconds = 2;
constexpr int kRounds = 1;  // over the servers; the next poll is the second one

base::Refusal failure(std::string text) { return {base::Errc::timed_out, std::move(text)}; }

void set_timeouts(struct __res_state& state) noexcept {
    state.retrans = kServerSeconds;
    state.retry = kRounds;
}

// Of this call alone, read afresh, so that a change of resolv.conf is seen.
class ResolverState {
  public:
    ResolverState() : is_ready_(::res_ninit(&state_) == 0) { set_timeouts(state_); }
    ~ResolverState() {
        if (is_ready_) ::res_nclose(&state_);
    }
    ResolverState(const ResolverState&) = delete;
    ResolverState& operator=(const ResolverState&) = delete;

    [[nodiscard]] bool is_ready() const noexcept { return is_ready_; }
    [[nodiscard]] struct __res_state& get() noexcept { return state_; }
    void ask_only(const HostPort& server) noexcept {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(server.port);
        static_cast<void>(::inet_pton(AF_INET, server.host.c_str(), &address.sin_addr));
        state_.nscount = 1;
        state_.nsaddr_list[0] = address;
    }

  private:
    struct __res_state state_ {};
    const bool is_ready_;
};

std::string words_of_host_error(int error) {
    switch (error) {
        case HOST_NOT_FOUND:
            return "there is no such name";
        case NO_DATA:
            return "the name has no SRV records";
        case TRY_AGAIN:
            return "no name server answers";
        default:
            return "the name server does not answer the question";
    }
}

base::IpAddress address_of(const sockaddr& address) noexcept {
    base::IpAddress result;
    if (address.sa_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address, sizeof v6);
        std::memcpy(result.bytes.data(), &v6.sin6_addr, result.bytes.size());
    } else {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        result.bytes[10] = result.bytes[11] = 0xff;
        std::memcpy(result.bytes.data() + 12, &v4.sin_addr, 4);
    }
    return result;
}

template <class T>
void add_once(std::vector<T>& list, T element) {
    if (list.size() == kMaxDnsAnswers) return;
    if (std::find(list.begin(), list.end(), element) == list.end()) {
        list.push_back(std::move(element));
    }
}

// The host and port of one record; none when it is not to be used.
std::optional<HostPort> target_of(const ns_msg& message, const ns_rr& record) {
    constexpr std::size_t kBeforeName = 6;  // priority, weight, port
    if (ns_rr_type(record) != ns_t_srv || ns_rr_rdlen(record) <= kBeforeName) return std::nullopt;
    const std::uint8_t* data = ns_rr_rdata(record);
    const unsigned port = unsigned{data[4]} << 8U | data[5];
    std::array<char, NS_MAXDNAME> name{};
    if (port == 0 || ::ns_name_uncompress(ns_msg_base(message), ns_msg_end(message),
                                          data + kBeforeName, name.data(), name.size()) < 0) {
        return std::nullopt;
    }
    // Escapes and all else that no host is called are refused there.
    auto target = parse_host_port(fmt::format("{}:{}", name.data(), port));
    return target ? std::optional(*std::move(target)) : std::nullopt;
}

}  // namespace

DnsLookups system_lookups() {
    return {look_up_addresses, [](const std::string& name) { return look_up_service(name); }};
}

base::Checked<std::vector<base::IpAddress>> look_up_addresses(const std::string& name) {
    // glibc resolves with a state of this thread, which its defaults would have wait for longer. It
    // is read afresh here; where glibc would do that by itself, it would take the defaults again.
    static_cast<void>(::res_init());
    set_timeouts(_res);
    _res.options |= RES_NORELOAD;
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* first = nullptr;
    const int error = ::getaddrinfo(name.c_str(), nullptr, &hints, &first);
    if (error == EAI_SYSTEM) return failure(std::generic_category().message(errno));
    if (error != 0) return failure(::gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(first, &::freeaddrinfo);
    std::vector<base::IpAddress> found;
    for (const addrinfo* entry = first; entry != nullptr; entry = entry->ai_next) {
        if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
        add_once(found, address_of(*entry->ai_addr));
    }
    if (found.empty()) return failure("the name has no addresses");
    return found;
}

base::Checked<std::vector<HostPort>> look_up_service(const std::string& name,
                                                     const std::optional<HostPort>& server) {
    ResolverState state;
    if (!state.is_ready()) return failure("the resolver cannot be set up (/etc/resolv.conf)");
    if (server) state.ask_only(*server);
    std::vector<std::uint8_t> answer(NS_MAXMSG);
    const int size = ::res_nsearch(&state.get(), name.c_str(), ns_c_in, ns_t_srv, answer.data(),
                                   static_cast<int>(answer.size()));
    if (size < 0) return failure(words_of_host_error(state.get().res_h_errno));
    answer.resize(std::min(answer.size(), static_cast<std::size_t>(size)));
    return parse_srv_answer(answer);
}

base::Checked<std::vector<HostPort>> parse_srv_answer(std::span<const std::uint8_t> message) {
    ns_msg parsed{};
    if (message.size() > NS_MAXMSG ||
        ::ns_initparse(message.data(), static_cast<int>(message.size()), &parsed) != 0) {
        return failure("the answer of the name server is damaged");
    }
    std::vector<HostPort> found;
    const int records = ns_msg_count(parsed, ns_s_an);
    for (int i = 0; i < records; ++i) {
        ns_rr record{};
        if (::ns_parserr(&parsed, ns_s_an, i, &record) != 0) {
            return failure("the answer of the name server is damaged");
        }
        auto target = target_of(parsed, record);
        if (target) add_once(found, *std::move(target));
    }
    if (found.empty()) return failure("no SRV record of the name has a host and a port");
    return found;
}

}  // namespace parrhesia::mesh
