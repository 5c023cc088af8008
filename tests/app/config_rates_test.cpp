// [rates], and the keys about proxies and the disk.
#include "app/config_keys.hpp"
#include "app/config_load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace parrhesia::app {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

LoadedConfig load_set(std::vector<std::string> assignments) {
    return load_config({std::nullopt, {}, std::move(assignments)});
}

TEST(ConfigRatesTest, RatesAreReadAsTheyAreWritten) {
    const auto loaded = load_set({"rates.event_ip=7/s burst 9", "rates.req_ip=off"});
    ASSERT_THAT(loaded.errors, IsEmpty());
    EXPECT_EQ(loaded.config.rates.event_ip, base::TokenRate(7, 9));
    EXPECT_FALSE(loaded.config.rates.req_ip.is_bounded());
    EXPECT_EQ(find_config_key("rates.event_ip")->get(loaded.config),
              ConfigValue(std::string("7/s burst 9")));
}

TEST(ConfigRatesTest, ABadRateIsRefusedWithAnExample) {
    EXPECT_THAT(load_set({"rates.event_ip=7 a second"}).errors,
                ElementsAre(AllOf(HasSubstr("rates.event_ip"), HasSubstr("20/s burst 200"),
                                  HasSubstr("\"7 a second\""))));
}

TEST(ConfigRatesTest, KindGroupsMustBeDisjointAndComplete) {
    const auto loaded = load_set(
        {R"(rates.kind_groups=["likes: kinds=7 per_second=2 burst=3", "b: kinds=1-5 per_second=1 burst=1"])"});
    ASSERT_THAT(loaded.errors, IsEmpty());
    ASSERT_EQ(loaded.config.rates.kind_groups.size(), 2U);
    EXPECT_EQ(loaded.config.rates.kind_groups[0].rate, base::TokenRate(2, 3));
    EXPECT_THAT(
        load_set(
            {R"(rates.kind_groups=["a: kinds=1-9 per_second=2 burst=3", "b: kinds=5 per_second=1 burst=1"])"})
            .errors,
        ElementsAre(HasSubstr("kind 5 in both \"a\" and \"b\"")));
    EXPECT_THAT(load_set({R"(rates.kind_groups=["a: kinds=1"])"}).errors,
                ElementsAre(HasSubstr("no per_second= in \"a: kinds=1\"")));
}

TEST(ConfigRatesTest, ForwardedHeaderIsOneOfThoseItKnows) {
    EXPECT_EQ(load_set({"relay.forwarded_header=Forwarded"}).config.relay.forwarded_header,
              net::ForwardedHeader::forwarded);
    EXPECT_EQ(load_set({"relay.forwarded_header="}).config.relay.forwarded_header,
              net::ForwardedHeader::none);
    EXPECT_THAT(load_set({"relay.forwarded_header=Via"}).errors,
                ElementsAre(HasSubstr("\"X-Forwarded-For\" or \"Forwarded\"")));
}

TEST(ConfigRatesTest, TheProxyProtocolNeedsItsProxies) {
    EXPECT_THAT(
        load_set({"relay.proxy_protocol=true"}).errors,
        ElementsAre(AllOf(HasSubstr("relay.proxy_protocol"), HasSubstr("relay.trusted_proxies"))));
    EXPECT_THAT(
        load_set({"relay.proxy_protocol=true", "relay.trusted_proxies=127.0.0.1,::1"}).errors,
        IsEmpty());
}

TEST(ConfigRatesTest, TheResponseBudgetFitsWhatMayBeUnsent) {
    EXPECT_THAT(
        load_set({"rates.response_bytes=17000000"}).errors,
        ElementsAre(AllOf(HasSubstr("rates.response_bytes"), HasSubstr("limits.unsent_bytes"))));
}

}  // namespace
}  // namespace parrhesia::app
