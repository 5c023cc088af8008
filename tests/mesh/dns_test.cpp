#include "mesh/dns.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parrhesia::mesh {
namespace {

using Targets = std::vector<std::string>;

// A DNS whose answers the test changes while it is asked.
class FakeDns {
  public:
    void set_addresses(const std::string& name, std::optional<std::vector<std::string>> texts) {
        const std::scoped_lock lock(mutex_);
        addresses_[name] = std::move(texts);
    }
    void set_service(const std::string& name, std::optional<std::vector<HostPort>> hosts) {
        const std::scoped_lock lock(mutex_);
        services_[name] = std::move(hosts);
    }
    [[nodiscard]] DnsLookups lookups() {
        return {[this](const std::string& name) { return addresses(name); },
                [this](const std::string& name) { return service(name); }};
    }

  private:
    [[nodiscard]] base::Checked<std::vector<base::IpAddress>> addresses(const std::string& name) {
        const std::scoped_lock lock(mutex_);
        const auto& texts = addresses_[name];
        if (!texts) return base::Refusal{base::Errc::timed_out, "away"};
        std::vector<base::IpAddress> result;
        for (const std::string& text : *texts) result.push_back(*base::parse_ip(text));
        return result;
    }
    [[nodiscard]] base::Checked<std::vector<HostPort>> service(const std::string& name) {
        const std::scoped_lock lock(mutex_);
        const auto& hosts = services_[name];
        if (!hosts) return base::Refusal{base::Errc::timed_out, "away"};
        return *hosts;
    }

    std::mutex mutex_;
    std::map<std::string, std::optional<std::vector<std::string>>> addresses_;
    std::map<std::string, std::optional<std::vector<HostPort>>> services_;
};

class DnsDiscoveryTest : public testing::Test {
  protected:
    void start(const std::vector<std::string>& sources,
               std::chrono::milliseconds interval = std::chrono::milliseconds(2)) {
        std::vector<DiscoverySource> parsed;
        for (const std::string& text : sources) parsed.push_back(*parse_discovery(text));
        discovery.emplace(
            parsed, [this](Targets targets) { note(std::move(targets)); }, registry, dns.lookups(),
            interval);
    }
    void note(Targets targets) {
        const std::scoped_lock lock(mutex);
        last = std::move(targets);
        ++calls;
        changed.notify_all();
    }
    // False after ten seconds.
    [[nodiscard]] bool wait_for(const std::function<bool()>& condition) {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, std::chrono::seconds(10), condition);
    }
    [[nodiscard]] bool wait_for_targets(const Targets& wanted) {
        return wait_for([&] { return last == wanted; });
    }
    // Two more rounds have been: the second one began after this call.
    [[nodiscard]] bool wait_for_rounds() {
        std::optional<int> start;
        return wait_for([&] {
            if (!start) start = calls;
            return calls >= *start + 2;
        });
    }
    [[nodiscard]] std::uint64_t failures_of(const std::string& source) {
        return registry
            .counter("parrhesia_mesh_discovery_failures_total",
                     "Lookups of peers that failed, by their source", {{"source", source}})
            .value();
    }

    FakeDns dns;
    base::MetricsRegistry registry;
    std::mutex mutex;
    std::condition_variable changed;
    Targets last;
    int calls = 0;
    std::optional<DnsDiscovery> discovery;  // ends first
};

TEST_F(DnsDiscoveryTest, EveryAddressOfANameIsATarget) {
    dns.set_addresses("relay.internal", {{"10.0.0.1", "10.0.0.2", "fd00::1"}});
    start({"dns:relay.internal:7447", "static:10.0.0.9:7447", "postgres"});
    EXPECT_TRUE(wait_for_targets({"10.0.0.1:7447", "10.0.0.2:7447", "[fd00::1]:7447"}));
    EXPECT_TRUE(wait_for_rounds()) << "targets are named again in each round";
    EXPECT_EQ(failures_of("dns:relay.internal:7447"), 0U);
}

TEST_F(DnsDiscoveryTest, ServicesHaveTheirOwnPorts) {
    dns.set_service("_mesh._tcp.internal", {{{"a", 7001}, {"b", 7002}}});
    dns.set_addresses("a", {{"10.0.0.1"}});
    dns.set_addresses("b", {{"10.0.0.1", "10.0.0.2"}});
    start({"srv:_mesh._tcp.internal"});
    EXPECT_TRUE(wait_for_targets({"10.0.0.1:7001", "10.0.0.1:7002", "10.0.0.2:7002"}));
}

TEST_F(DnsDiscoveryTest, SourcesAreOneUnion) {
    dns.set_addresses("a", {{"10.0.0.1", "10.0.0.2"}});
    dns.set_addresses("b", {{"10.0.0.2", "10.0.0.3"}});
    start({"dns:a:1", "dns:b:1"});
    EXPECT_TRUE(wait_for_targets({"10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"}));
}

TEST_F(DnsDiscoveryTest, NewAddressesAreFoundAndGoneOnesNoLongerNamed) {
    dns.set_addresses("a", {{"10.0.0.1"}});
    start({"dns:a:1"});
    EXPECT_TRUE(wait_for_targets({"10.0.0.1:1"}));
    dns.set_addresses("a", {{"10.0.0.2"}});
    EXPECT_TRUE(wait_for_targets({"10.0.0.2:1"}));
}

TEST_F(DnsDiscoveryTest, AFailureKeepsWhatWasFoundAndIsCounted) {
    dns.set_addresses("a", {{"10.0.0.1"}});
    dns.set_addresses("b", {{"10.0.0.2"}});
    start({"dns:a:1", "dns:b:1"});
    ASSERT_TRUE(wait_for_targets({"10.0.0.1:1", "10.0.0.2:1"}));
    dns.set_addresses("a", std::nullopt);
    EXPECT_TRUE(wait_for([&] { return failures_of("dns:a:1") > 1; }));
    EXPECT_TRUE(wait_for_targets({"10.0.0.1:1", "10.0.0.2:1"}));
    EXPECT_EQ(failures_of("dns:b:1"), 0U);
    dns.set_addresses("a", {{"10.0.0.3"}});
    EXPECT_TRUE(wait_for_targets({"10.0.0.2:1", "10.0.0.3:1"}));
}

TEST_F(DnsDiscoveryTest, OneNameOfAServiceThatFailsTakesNoAddressAway) {
    dns.set_service("s", {{{"a", 1}, {"b", 2}}});
    dns.set_addresses("a", {{"10.0.0.1"}});
    dns.set_addresses("b", {{"10.0.0.2"}});
    start({"srv:s"});
    ASSERT_TRUE(wait_for_targets({"10.0.0.1:1", "10.0.0.2:2"}));
    dns.set_addresses("b", std::nullopt);
    dns.set_addresses("a", {{"10.0.0.3"}});
    EXPECT_TRUE(wait_for_targets({"10.0.0.1:1", "10.0.0.2:2", "10.0.0.3:1"}));
    EXPECT_GT(failures_of("srv:s"), 0U);
}

TEST_F(DnsDiscoveryTest, ANameThatIsNotThereYetIsFoundLater) {
    start({"dns:a:1"});
    dns.set_addresses("a", {{"10.0.0.1"}});
    EXPECT_TRUE(wait_for_targets({"10.0.0.1:1"}));
}

TEST_F(DnsDiscoveryTest, EndsAtOnceWhileItWaits) {
    dns.set_addresses("a", {{"10.0.0.1"}});
    start({"dns:a:1"}, std::chrono::hours(1));
    ASSERT_TRUE(wait_for_targets({"10.0.0.1:1"}));
    const auto before = std::chrono::steady_clock::now();
    discovery.reset();
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
}

TEST_F(DnsDiscoveryTest, WithoutDnsThereIsNothingToDo) {
    start({"static:10.0.0.9:7447", "postgres"});
    discovery.reset();
    EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace parrhesia::mesh
