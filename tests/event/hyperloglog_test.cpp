#include "parrhesia/event/hyperloglog.hpp"

#include "event/sha256.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace parrhesia::event {
namespace {

const std::string kHex = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

Filter with_tag(const std::string& value, char name = 'e') {
    Filter filter;
    filter.tags = {{name, {value}}};
    return filter;
}

std::vector<PubKey> random_keys(std::mt19937_64& random, std::size_t count) {
    std::vector<PubKey> keys(count);
    for (PubKey& key : keys) {
        for (auto& byte : key.bytes) byte = static_cast<std::uint8_t>(random());
    }
    return keys;
}

HyperLogLog of(const std::vector<PubKey>& keys, unsigned offset) {
    HyperLogLog result(offset);
    for (const PubKey& key : keys) result.add(key);
    return result;
}

// As a client does it: Flajolet et al. (2007), with linear counting of small sets.
double estimate(const HyperLogLog& counted) {
    constexpr double kCount = HyperLogLog::kRegisters;
    double sum = 0;
    double empty = 0;
    for (const auto value : counted.registers()) {
        sum += std::ldexp(1.0, -static_cast<int>(value));
        if (value == 0) ++empty;
    }
    const double raw = 0.7213 / (1 + 1.079 / kCount) * kCount * kCount / sum;
    return raw <= 2.5 * kCount && empty > 0 ? kCount * std::log(kCount / empty) : raw;
}

TEST(HyperLogLogTest, OffsetComesFromTheOneTagValue) {
    EXPECT_EQ(hyperloglog_offset_of(with_tag(kHex)), 8U);
    EXPECT_EQ(hyperloglog_offset_of(with_tag(kHex, 'p')), 8U);
    EXPECT_EQ(hyperloglog_offset_of(with_tag("30023:" + kHex + ":abc", 'a')), 8U);
    EXPECT_EQ(hyperloglog_offset_of(with_tag("bitcoin", 't')), 12U);
    EXPECT_EQ(hyperloglog_offset_of(with_tag("nostr", 't')), 12U);
    EXPECT_EQ(hyperloglog_offset_of(
                  with_tag("5c83da77af1dec6d7289834998ad7aafbd9e2191396d75ec3cc27f5a77226f36")),
              19U);
}

TEST(HyperLogLogTest, OffsetIsThirtySecondDigitPlusEight) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (unsigned digit = 0; digit < 16; ++digit) {
        std::string hex = std::string(32, 'f') + kDigits[digit] + std::string(31, 'f');
        EXPECT_EQ(hyperloglog_offset_of(with_tag(hex)), 8 + digit);
        for (const std::string& address : {"0:" + hex + ":", "10002:" + hex + ":", "1:" + hex + ":",
                                           "30023:" + hex + ":a:b", "30023:" + hex + ":" + kHex}) {
            EXPECT_EQ(hyperloglog_offset_of(with_tag(address)), 8 + digit) << address;
        }
    }
}

TEST(HyperLogLogTest, TextThatOnlyLooksLikeAnAddressIsHashed) {
    for (const std::string& text :
         {":" + kHex + ":", "x:" + kHex + ":", "30023:" + kHex, "30023:" + kHex.substr(1) + ":a",
          std::string(), kHex + "0", "G" + kHex.substr(1)}) {
        const unsigned expected = 8U + (sha256({text})[16] >> 4U);
        EXPECT_EQ(hyperloglog_offset_of(with_tag(text)), expected) << text;
    }
}

TEST(HyperLogLogTest, OtherFiltersHaveNoOffset) {
    EXPECT_EQ(hyperloglog_offset_of(Filter{}), std::nullopt);
    Filter authors;
    authors.authors = {PubKey{}};
    EXPECT_EQ(hyperloglog_offset_of(authors), std::nullopt);
    Filter two_values = with_tag(kHex);
    two_values.tags.front().values.emplace_back("x");
    EXPECT_EQ(hyperloglog_offset_of(two_values), std::nullopt);
    Filter two_tags = with_tag(kHex);
    two_tags.tags.push_back({'p', {kHex}});
    EXPECT_EQ(hyperloglog_offset_of(two_tags), std::nullopt);
}

TEST(HyperLogLogTest, AThousandUsersGiveTheReferenceRegisters) {
    HyperLogLog counted(8);
    for (int i = 0; i < 1000; ++i) {
        PubKey key;
        key.bytes = sha256({"user" + std::to_string(i)});
        counted.add(key);
    }
    const std::string hex = counted.to_hex();
    ASSERT_EQ(hex.size(), 512U);
    EXPECT_EQ(hex.substr(0, 64),
              "03020303050103030404020304050d0505040703030403010002070103040203");
    const std::string raw(counted.registers().begin(), counted.registers().end());
    EXPECT_EQ(base::to_hex(sha256({raw})),
              "ad23279b455e89066c29a8945922a2911e53319aec86f4a97759db84d4f3b213");
    EXPECT_EQ(*std::max_element(counted.registers().begin(), counted.registers().end()), 14);
    EXPECT_EQ(std::count(counted.registers().begin(), counted.registers().end(), 0), 5);
}

TEST(HyperLogLogTest, RunOfZerosMayReachTheEndOfTheKey) {
    for (unsigned offset = 8; offset < 24; ++offset) {
        PubKey key;
        key.bytes.fill(0xff);
        for (std::size_t i = offset + 1; i < PubKey::kSize; ++i) key.bytes[i] = 0;
        EXPECT_EQ(of({key}, offset).registers()[255], 8 * (31 - offset) + 1);
        key.bytes[31] = 1;
        EXPECT_EQ(of({key}, offset).registers()[255], 8 * (31 - offset));
        key.bytes[offset + 1] = 0x80;
        EXPECT_EQ(of({key}, offset).registers()[255], 1);
    }
}

TEST(HyperLogLogTest, NeitherOrderNorRepetitionMatters) {
    std::mt19937_64 random(1);
    for (unsigned offset = 8; offset < 24; ++offset) {
        auto keys = random_keys(random, 1 + random() % 700);
        const auto once = of(keys, offset).to_hex();
        const std::size_t count = keys.size();
        for (std::size_t i = 0; i < count; ++i) keys.push_back(keys[random() % count]);
        std::shuffle(keys.begin(), keys.end(), random);
        EXPECT_EQ(of(keys, offset).to_hex(), once) << offset;
    }
}

TEST(HyperLogLogTest, MergeIsTheUnion) {
    std::mt19937_64 random(2);
    for (unsigned offset = 8; offset < 24; ++offset) {
        const auto a = random_keys(random, random() % 500);
        const auto b = random_keys(random, random() % 500);
        auto both = a;
        both.insert(both.end(), b.begin(), b.end());
        both.insert(both.end(), a.begin(), a.end());
        auto merged = of(a, offset);
        merged.merge(of(b, offset));
        EXPECT_EQ(merged.to_hex(), of(both, offset).to_hex()) << offset;
        const auto before = merged.to_hex();
        merged.merge(of(b, offset));
        EXPECT_EQ(merged.to_hex(), before);
    }
}

// The standard error of 256 registers is 6.5 %; five times that is a defect, not chance.
TEST(HyperLogLogTest, EstimateIsNearTheNumberOfAuthors) {
    std::mt19937_64 random(3);
    for (const std::size_t count : {1U, 10U, 100U, 500U, 1000U, 5000U, 50000U}) {
        const auto keys = random_keys(random, count);
        for (const unsigned offset : {8U, 15U, 23U}) {
            const auto wanted = static_cast<double>(count);
            EXPECT_NEAR(estimate(of(keys, offset)), wanted, 0.5 + wanted * 5 * 0.065) << offset;
        }
    }
    EXPECT_EQ(estimate(HyperLogLog(8)), 0);
}

}  // namespace
}  // namespace parrhesia::event
