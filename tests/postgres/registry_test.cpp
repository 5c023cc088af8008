// The table in which relays find each other, and the name of the database they share.
#include "parrhesia/store/relay_registry.hpp"

#include "postgres/postgres_testing.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

namespace parrhesia::test {
namespace {

using store::RegisteredRelay;
using store::RegistryOptions;
using store::RelayRegistry;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

RegisteredRelay relay(std::uint8_t number, std::uint64_t boot = 1) {
    RegisteredRelay result;
    result.node.bytes.fill(number);
    result.boot = boot;
    result.address = "10.0.0." + std::to_string(number) + ":7447";
    return result;
}

class RelayRegistryTest : public testing::Test {
  protected:
    RelayRegistryTest() { (void)store::migrate_postgres(options_for(connection)); }

    [[nodiscard]] RegistryOptions options() const {
        RegistryOptions result;
        result.connection = connection;
        return result;
    }
    // The addresses that `self` is told of.
    [[nodiscard]] static std::vector<std::string> list(RelayRegistry& registry,
                                                       const RegisteredRelay& self) {
        const auto others = registry.announce_and_list(self);
        EXPECT_TRUE(others) << others.error().text;
        std::vector<std::string> addresses;
        for (const RegisteredRelay& other : *others) addresses.push_back(other.address);
        return addresses;
    }
    void make_older(const std::string& interval) const {
        (void)run_sql(connection,
                      "UPDATE parrhesia.relay_node SET last_seen = last_seen - interval '" +
                          interval + "' WHERE addr = '10.0.0.2:7447'");
    }

    const std::string connection = shared_postgres().make_database();
    RelayRegistry registry{options(), "eu"};
};

TEST_F(RelayRegistryTest, RelaysFindEachOther) {
    EXPECT_THAT(list(registry, relay(1)), IsEmpty());
    EXPECT_THAT(list(registry, relay(2)), ElementsAre("10.0.0.1:7447"));
    EXPECT_THAT(list(registry, relay(3)), UnorderedElementsAre("10.0.0.1:7447", "10.0.0.2:7447"));
    EXPECT_THAT(list(registry, relay(1)), UnorderedElementsAre("10.0.0.2:7447", "10.0.0.3:7447"));
}

TEST_F(RelayRegistryTest, WhatIsWrittenIsRead) {
    RegisteredRelay written = relay(7, 0x7fffffffffffffff);
    written.address = "relay-7.internal:7447";
    written.protocol = 3;
    written.state = "draining";
    (void)list(registry, written);
    const auto others = registry.announce_and_list(relay(1));
    ASSERT_TRUE(others);
    ASSERT_THAT(*others, SizeIs(1));
    const RegisteredRelay& read = others->front();
    EXPECT_EQ(read.node, written.node);
    EXPECT_EQ(read.boot, written.boot);
    EXPECT_EQ(read.address, written.address);
    EXPECT_EQ(read.protocol, 3);
    EXPECT_EQ(read.state, "draining");
    EXPECT_LT(read.age, std::chrono::minutes(1));
}

TEST_F(RelayRegistryTest, ClustersDoNotSeeEachOther) {
    RelayRegistry other(options(), "us");
    (void)list(other, relay(1));
    EXPECT_THAT(list(registry, relay(2)), IsEmpty());
}

TEST_F(RelayRegistryTest, ANewAddressReplacesTheOldOne) {
    (void)list(registry, relay(2));
    RegisteredRelay moved = relay(2, 2);
    moved.address = "10.0.0.99:7447";
    (void)list(registry, moved);
    EXPECT_THAT(list(registry, relay(1)), ElementsAre("10.0.0.99:7447"));
}

TEST_F(RelayRegistryTest, WhoHasLeftOrWasSilentTooLongIsNotListed) {
    (void)list(registry, relay(2));
    make_older("14 minutes");
    EXPECT_THAT(list(registry, relay(1)), SizeIs(1));
    make_older("2 minutes");
    EXPECT_THAT(list(registry, relay(1)), IsEmpty());

    (void)list(registry, relay(3));
    EXPECT_THAT(list(registry, relay(1)), SizeIs(1));
    EXPECT_EQ(registry.leave(relay(3).node, 0), "") << "another start of it, long over";
    EXPECT_THAT(list(registry, relay(1)), SizeIs(1));
    EXPECT_EQ(registry.leave(relay(3).node, 1), "");
    EXPECT_THAT(list(registry, relay(1)), IsEmpty());
    EXPECT_THAT(list(registry, relay(3)), ElementsAre("10.0.0.1:7447")) << "back again";
}

TEST_F(RelayRegistryTest, TheOlderOfTwoWithOneIdIsTold) {
    (void)list(registry, relay(2, 5));
    const auto older = registry.announce_and_list(relay(2, 4));
    ASSERT_FALSE(older);
    EXPECT_EQ(older.error().code, base::Errc::blocked);
    EXPECT_THAT(older.error().text, HasSubstr(base::to_hex(relay(2).node)));
    make_older("16 minutes");
    EXPECT_TRUE(registry.announce_and_list(relay(2, 4))) << "the other one is gone";
}

TEST_F(RelayRegistryTest, RowsOfLongAgoAreRemoved) {
    (void)list(registry, relay(2));
    make_older("25 hours");
    RelayRegistry later(options(), "eu");
    (void)list(later, relay(1));
    EXPECT_EQ(run_sql(connection, "SELECT count(*) FROM parrhesia.relay_node"), "1");
}

TEST_F(RelayRegistryTest, TheLogHasOneNameAsLongAsItIsTheSameHistory) {
    const auto id = registry.log_id();
    ASSERT_TRUE(id) << id.error().text;
    EXPECT_LE(id->size(), RelayRegistry::kMaxLogId);
    EXPECT_TRUE(std::all_of(id->begin(), id->end(), [](unsigned char c) {
        return std::isgraph(c) != 0;
    })) << *id;
    EXPECT_EQ(*RelayRegistry(options(), "us").log_id(), *id);

    RegistryOptions elsewhere = options();
    elsewhere.connection = shared_postgres().make_database();
    (void)store::migrate_postgres(options_for(elsewhere.connection));
    EXPECT_NE(*RelayRegistry(elsewhere, "eu").log_id(), *id);

    (void)run_sql(connection, "UPDATE parrhesia.fanout_meta SET log_epoch = gen_random_uuid()");
    EXPECT_NE(*registry.log_id(), *id);
}

TEST_F(RelayRegistryTest, AConnectionThatBreaksIsMadeAnew) {
    (void)list(registry, relay(1));
    (void)run_sql(connection,
                  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                  " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    const auto broken = registry.announce_and_list(relay(1));
    EXPECT_FALSE(broken);
    EXPECT_EQ(broken.error().code, base::Errc::store_unavailable);
    EXPECT_THAT(list(registry, relay(1)), IsEmpty());
}

TEST_F(RelayRegistryTest, WhatCannotBeReachedIsSaidWithoutThePassword) {
    RegistryOptions away = options();
    away.connection = "host=/nonexistent dbname=x password=hunter2";
    RelayRegistry nowhere(away, "eu");
    const auto failed = nowhere.announce_and_list(relay(1));
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().text, AllOf(HasSubstr("/nonexistent"), Not(HasSubstr("hunter2"))));
    EXPECT_THAT(nowhere.leave(relay(1).node, 1), HasSubstr("/nonexistent"));

    RegistryOptions empty = options();
    empty.connection = shared_postgres().make_database();
    EXPECT_THAT(RelayRegistry(empty, "eu").announce_and_list(relay(1)).error().text,
                HasSubstr("relay_node"));
}

TEST_F(RelayRegistryTest, ACancelledRegistryStillLeaves) {
    (void)list(registry, relay(2));
    registry.cancel();
    EXPECT_EQ(registry.leave(relay(2).node, 1), "");
    RelayRegistry other(options(), "eu");
    EXPECT_THAT(list(other, relay(1)), IsEmpty());
}

}  // namespace
}  // namespace parrhesia::test
