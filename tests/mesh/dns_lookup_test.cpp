#include "mesh/dns_lookup.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace parrhesia::mesh {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Bytes = std::vector<std::uint8_t>;

const HostPort kA{"a.internal", 7001};
const HostPort kB{"b.internal", 7002};

void append_u16(Bytes& out, unsigned value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8U));
    out.push_back(static_cast<std::uint8_t>(value));
}

Bytes encode_name(std::string_view name) {
    Bytes out;
    while (!name.empty()) {
        const std::string_view label = name.substr(0, name.find('.'));
        out.push_back(static_cast<std::uint8_t>(label.size()));
        out.insert(out.end(), label.begin(), label.end());
        name.remove_prefix(std::min(name.size(), label.size() + 1));
    }
    out.push_back(0);
    return out;
}

// As RFC 1035 has it: the question's name is at offset 12, and records point to it.
Bytes header(std::uint16_t id, unsigned flags, unsigned answers) {
    Bytes out;
    for (const unsigned word : {unsigned{id}, flags, 1U, answers, 0U, 0U}) append_u16(out, word);
    return out;
}

void append_record(Bytes& out, unsigned type, const Bytes& data) {
    append_u16(out, 0xc00c);
    append_u16(out, type);
    append_u16(out, 1);
    append_u16(out, 0);
    append_u16(out, 30);  // seconds to live
    append_u16(out, static_cast<unsigned>(data.size()));
    out.insert(out.end(), data.begin(), data.end());
}

Bytes srv_data(const HostPort& target) {
    Bytes data;
    append_u16(data, 10);  // priority
    append_u16(data, 5);   // weight
    append_u16(data, target.port);
    const Bytes name = encode_name(target.host);
    data.insert(data.end(), name.begin(), name.end());
    return data;
}

constexpr unsigned kAnswer = 0x8180;
constexpr unsigned kNoSuchName = 0x8183;
constexpr unsigned kSrv = 33;
constexpr unsigned kCname = 5;

Bytes question() {
    Bytes out = encode_name("_mesh._tcp.internal");
    append_u16(out, kSrv);
    append_u16(out, 1);
    return out;
}

Bytes answer_with(const std::vector<std::pair<unsigned, Bytes>>& records) {
    Bytes message = header(1, kAnswer, static_cast<unsigned>(records.size()));
    const Bytes asked = question();
    message.insert(message.end(), asked.begin(), asked.end());
    for (const auto& [type, data] : records) append_record(message, type, data);
    return message;
}

TEST(SrvAnswerTest, HostsAndPortsAreReadInOrder) {
    const auto found = parse_srv_answer(answer_with({{kSrv, srv_data(kA)},
                                                     {kCname, encode_name("x.y")},
                                                     {kSrv, srv_data(kB)},
                                                     {kSrv, srv_data(kA)}}));
    ASSERT_TRUE(found) << found.error().text;
    EXPECT_THAT(*found, ElementsAre(kA, kB));
}

TEST(SrvAnswerTest, RecordsThatNameNobodyAreLeftOut) {
    const auto found = parse_srv_answer(answer_with({{kSrv, srv_data({"", 7001})},
                                                     {kSrv, srv_data({"a.internal", 0})},
                                                     {kSrv, srv_data({"a b.internal", 1})},
                                                     {kSrv, {0, 1, 0, 1, 0, 1}},
                                                     {kSrv, srv_data(kB)}}));
    ASSERT_TRUE(found) << found.error().text;
    EXPECT_THAT(*found, ElementsAre(kB));
    EXPECT_FALSE(parse_srv_answer(answer_with({{kSrv, srv_data({"", 7001})}})));
    EXPECT_FALSE(parse_srv_answer(answer_with({})));
}

TEST(SrvAnswerTest, NoPartOfAnAnswerIsTakenForMore) {
    const Bytes whole = answer_with({{kSrv, srv_data(kA)}, {kSrv, srv_data(kB)}});
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_FALSE(parse_srv_answer(part)) << size;
    }
}

TEST(SrvAnswerTest, ANameThatPointsToItselfEnds) {
    Bytes data = srv_data({"", 7001});
    data.back() = 0xc0;
    data.push_back(0);
    Bytes message = answer_with({{kSrv, data}});
    const auto own = static_cast<unsigned>(message.size() - 2);
    message[own] = static_cast<std::uint8_t>(0xc0U | own >> 8U);
    message[own + 1] = static_cast<std::uint8_t>(own);
    EXPECT_FALSE(parse_srv_answer(message));
}

TEST(SrvAnswerTest, SomeAreLeftOutOfVeryMany) {
    std::vector<std::pair<unsigned, Bytes>> records;
    for (unsigned i = 0; i < 2 * kMaxDnsAnswers; ++i) {
        records.emplace_back(kSrv, srv_data({"a", static_cast<std::uint16_t>(1 + i)}));
    }
    const auto found = parse_srv_answer(answer_with(records));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->size(), kMaxDnsAnswers);
}

// Answers every question with the same flags and records.
class DnsServer {
  public:
    DnsServer(unsigned flags, std::vector<HostPort> targets)
        : flags_(flags),
          targets_(std::move(targets)),
          socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
          end_(::eventfd(0, EFD_CLOEXEC)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const any = reinterpret_cast<sockaddr*>(&address);
        if (::bind(socket_, any, size) != 0 || ::getsockname(socket_, any, &size) != 0) {
            throw std::runtime_error("no UDP socket");
        }
        self_ = {"127.0.0.1", ntohs(address.sin_port)};
        thread_ = std::thread([this] { serve(); });
    }
    ~DnsServer() {
        const std::uint64_t one = 1;
        EXPECT_EQ(::write(end_, &one, sizeof one), static_cast<ssize_t>(sizeof one));
        thread_.join();
        ::close(socket_);
        ::close(end_);
    }
    DnsServer(const DnsServer&) = delete;
    DnsServer& operator=(const DnsServer&) = delete;
    [[nodiscard]] const HostPort& self() const noexcept { return self_; }

  private:
    void serve() const {
        for (;;) {
            std::array<pollfd, 2> wanted{pollfd{socket_, POLLIN, 0}, pollfd{end_, POLLIN, 0}};
            if (::poll(wanted.data(), wanted.size(), -1) < 0) continue;
            if (wanted[1].revents != 0) return;
            answer_one();
        }
    }
    void answer_one() const {
        Bytes asked(512);
        sockaddr_in from{};
        socklen_t size = sizeof from;
        auto* const any = reinterpret_cast<sockaddr*>(&from);
        const ssize_t count = ::recvfrom(socket_, asked.data(), asked.size(), 0, any, &size);
        if (count < 12) return;
        Bytes message = header(static_cast<std::uint16_t>(asked[0] << 8U | asked[1]), flags_,
                               static_cast<unsigned>(targets_.size()));
        std::size_t end = 12;
        while (asked[end] != 0) end += asked[end] + std::size_t{1};
        message.insert(message.end(), asked.begin() + 12,
                       asked.begin() + static_cast<std::ptrdiff_t>(end + 5));
        for (const HostPort& target : targets_) append_record(message, kSrv, srv_data(target));
        static_cast<void>(::sendto(socket_, message.data(), message.size(), 0, any, size));
    }

    const unsigned flags_;
    const std::vector<HostPort> targets_;
    const int socket_;
    const int end_;
    HostPort self_;
    std::thread thread_;
};

TEST(DnsLookupTest, AServiceIsAskedOfANameServer) {
    const DnsServer server(kAnswer, {kA, kB});
    const auto found = look_up_service("_mesh._tcp.internal.", server.self());
    ASSERT_TRUE(found) << found.error().text;
    EXPECT_THAT(*found, ElementsAre(kA, kB));
}

TEST(DnsLookupTest, AnswersWithoutTargetsSayWhy) {
    const DnsServer none(kNoSuchName, {});
    EXPECT_THAT(look_up_service("_mesh._tcp.internal.", none.self()).error().text,
                HasSubstr("no such name"));
    const DnsServer empty(kAnswer, {});
    EXPECT_THAT(look_up_service("_mesh._tcp.internal.", empty.self()).error().text,
                HasSubstr("no SRV records"));
}

TEST(DnsLookupTest, AServerThatIsNotThereIsAFailure) {
    HostPort gone;
    {
        const DnsServer server(kAnswer, {kA});
        gone = server.self();
    }
    EXPECT_THAT(look_up_service("_mesh._tcp.internal.", gone).error().text,
                HasSubstr("no name server answers"));
}

TEST(DnsLookupTest, AddressesNeedNoNameServer) {
    const auto found = look_up_addresses("127.0.0.1");
    ASSERT_TRUE(found) << found.error().text;
    EXPECT_THAT(*found, ElementsAre(*base::parse_ip("127.0.0.1")));
    EXPECT_EQ(look_up_addresses("::1")->front().to_string(), "::1");
}

}  // namespace
}  // namespace parrhesia::mesh
