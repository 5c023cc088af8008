#include "app/store_name.hpp"

#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace parrhesia::app {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(StoreNameTest, ConfigIsTheConfiguredStore) {
    Config config;
    config.store.path = "elsewhere";
    const NamedStore named = named_store(config, "config");
    EXPECT_THAT(named.error, IsEmpty());
    EXPECT_EQ(named.config.store.path, "elsewhere");
}

TEST(StoreNameTest, LmdbNamesAFolderAndKeepsTheRest) {
    Config config;
    config.store.engine = "postgres";
    config.relay.public_url = "wss://relay.example.com";
    const NamedStore named = named_store(config, "lmdb:/a:b/data");
    EXPECT_THAT(named.error, IsEmpty());
    EXPECT_EQ(named.config.store.engine, "lmdb");
    EXPECT_EQ(named.config.store.path, "/a:b/data");
    EXPECT_EQ(named.config.relay.public_url, "wss://relay.example.com");
}

TEST(StoreNameTest, PostgresTakesBothFormsOfLibpq) {
    for (const auto& [name, connection] :
         {std::pair("postgres:host=/run dbname=nostr", "host=/run dbname=nostr"),
          std::pair("postgres:postgresql://a@b/c", "postgresql://a@b/c"),
          std::pair("postgresql://a@b/c", "postgresql://a@b/c"),
          std::pair("postgres://a@b/c", "postgres://a@b/c"), std::pair("postgres:", "")}) {
        const NamedStore named = named_store(Config(), name);
        EXPECT_THAT(named.error, IsEmpty()) << name;
        EXPECT_EQ(named.config.store.engine, "postgres") << name;
        EXPECT_EQ(named.config.postgres.connection, connection) << name;
    }
}

TEST(StoreNameTest, WhatIsNoNameIsToldWithoutWhatItMayHide) {
    for (const std::string name : {"", "data", "lmdb", "lmdb:", "postgre:password=hunter2",
                                   "postgres:password=hunter2 nonsense=1", "CONFIG"}) {
        EXPECT_THAT(named_store(Config(), name).error,
                    AllOf(Not(IsEmpty()), Not(HasSubstr("hunter2"))))
            << name;
    }
    EXPECT_THAT(named_store(Config(), "data").error, HasSubstr("lmdb:FOLDER"));
}

TEST(StoreNameTest, TheSameStoreHasTheSameIdentity) {
    const test::TemporaryFolder folder;
    const auto identity = [](const std::string& name) {
        return identity_of(named_store(Config(), name).config);
    };
    const std::string path = folder.path().string();
    EXPECT_EQ(identity("lmdb:" + path), identity("lmdb:" + path + "/x/.././"));
    EXPECT_NE(identity("lmdb:" + path), identity("lmdb:" + path + "/x"));
    EXPECT_EQ(identity("lmdb:data"), identity("config"));
    EXPECT_EQ(identity("postgresql://a:hunter2@b/c"), identity("postgres://a:other@b/c"));
    EXPECT_THAT(identity("postgresql://a:hunter2@b/c"), Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace parrhesia::app
