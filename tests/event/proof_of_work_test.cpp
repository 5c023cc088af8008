#include "parrhesia/event/proof_of_work.hpp"

#include "parrhesia/event/parse.hpp"

#include "event/record.hpp"
#include "support/event_generator.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace parrhesia::event {
namespace {

Id id_of(std::string hex) {
    hex.resize(64, 'f');
    return base::parse_hex<Id>(hex).value();
}

Id id_with_bits(unsigned bits) {
    Id id;
    if (bits < 256) id.bytes[bits / 8] = static_cast<std::uint8_t>(0x80U >> (bits % 8));
    return id;
}

// An event of that id: the check trusts parse_event() to have compared it with the hash.
EventPtr with_id(const Id& id, const std::vector<std::vector<std::string>>& tags,
                 std::string_view content = "") {
    auto& builder = record::Builder::of_this_thread();
    builder.start({PubKey{}, 1, 1});
    for (const auto& tag : tags) {
        builder.begin_tag();
        for (const auto& value : tag) builder.add_value(value);
        builder.end_tag();
    }
    builder.set_content(content);
    return builder.finish(id, Signature{});
}

EventPtr mined(unsigned bits, const std::string& target) {
    return with_id(id_with_bits(bits), {{"t", "x"}, {"nonce", "776797", target}});
}

std::string refusal_of(const EventPtr& event, unsigned minimum_bits) {
    const auto refusal = check_work(event->view(), minimum_bits);
    if (!refusal) return "";
    EXPECT_EQ(refusal->code, base::Errc::insufficient_work);
    return refusal->text;
}

TEST(ProofOfWorkTest, CountsBitsAndNotDigits) {
    EXPECT_EQ(leading_zero_bits(
                  id_of("000006d8c378af1779d2feebc7603a125d99eca0ccf1085959b307f64e5dd358")),
              21U);
    EXPECT_EQ(leading_zero_bits(
                  id_of("000000000e9d97a1ab09fc381030b346cdd7a142ad57e6df0b46dc9bef6c7e2d")),
              36U);
    EXPECT_EQ(leading_zero_bits(id_of("002f")), 10U);
    EXPECT_EQ(leading_zero_bits(Id{}), 256U);
    for (unsigned bits = 0; bits <= 256; ++bits) {
        Id id = id_with_bits(bits);
        EXPECT_EQ(leading_zero_bits(id), bits);
        for (std::size_t i = bits / 8 + 1; i < Id::kSize; ++i) id.bytes[i] = 0xff;
        EXPECT_EQ(leading_zero_bits(id), bits);
    }
}

TEST(ProofOfWorkTest, MinedNoteOfNip13IsOf21BitsForATargetOf20) {
    JsonReader reader;
    const auto event = reader.event(
        R"({"id":"000006d8c378af1779d2feebc7603a125d99eca0ccf1085959b307f64e5dd358",
        "pubkey":"a48380f4cfcc1ad5378294fcac36439770f9c878dd880ffa94bb74ea54a6f243",
        "created_at":1651794653,"kind":1,"tags":[["nonce","776797","20"]],
        "content":"It's just me mining my own business",
        "sig":"284622fc0a3f4f1303455d5175f7ba962a3300d136085b9566801bc2e0699de0c7e31e44c81fb40ad9049173742e904713c3594a1da0fc5d2382a25c11aba977"})");
    ASSERT_TRUE(event) << event.error().text;
    EXPECT_EQ(leading_zero_bits((*event)->id()), 21U);
    EXPECT_EQ(committed_target((*event)->view()), 20U);
    EXPECT_EQ(refusal_of(*event, 20), "");
    EXPECT_EQ(refusal_of(*event, 21), "the committed target 20 is less than 21");
    EXPECT_EQ(refusal_of(*event, 22), "difficulty 21 is less than 22");
}

TEST(ProofOfWorkTest, TooFewBitsAreRefused) {
    EXPECT_EQ(refusal_of(mined(19, "20"), 20), "difficulty 19 is less than 20");
    EXPECT_EQ(refusal_of(mined(20, "20"), 20), "");
    EXPECT_EQ(refusal_of(mined(21, "20"), 20), "");
    EXPECT_EQ(refusal_of(with_id(id_with_bits(0), {}), 1), "difficulty 0 is less than 1");
    EXPECT_EQ(refusal_of(with_id(Id{}, {}), 256), "");
}

TEST(ProofOfWorkTest, LuckWithALowerTargetIsNotEnough) {
    EXPECT_EQ(refusal_of(mined(25, "10"), 20), "the committed target 10 is less than 20");
    EXPECT_EQ(refusal_of(mined(25, "19"), 20), "the committed target 19 is less than 20");
    EXPECT_EQ(refusal_of(mined(25, "300"), 20), "");
}

TEST(ProofOfWorkTest, WithoutACommitmentTheBitsDecide) {
    using Tags = std::vector<std::vector<std::string>>;
    for (const Tags& tags :
         {Tags{}, Tags{{"t", "nonce"}}, Tags{{"nonce"}}, Tags{{"nonce", "5"}},
          Tags{{"nonce", "5", ""}}, Tags{{"nonce", "5", "many"}}, Tags{{"nonce", "5", "10 "}},
          Tags{{"nonce", "5", "-1"}}, Tags{{"nonce", "5", "99999999999999999999"}},
          Tags{{"t", "[\"nonce\",\"5\",\"1\"]"}}, Tags{{"x", "nonce", "1"}}}) {
        const auto event = with_id(id_with_bits(20), tags, R"(["nonce","5","1"])");
        EXPECT_EQ(committed_target(event->view()), std::nullopt) << event->json();
        EXPECT_EQ(refusal_of(event, 20), "") << event->json();
        EXPECT_NE(refusal_of(event, 21), "") << event->json();
    }
}

TEST(ProofOfWorkTest, FirstNonceTagCounts) {
    const auto event = with_id(id_with_bits(30), {{"nonce", "1", "25"}, {"nonce", "1", "5"}});
    EXPECT_EQ(committed_target(event->view()), 25U);
}

TEST(ProofOfWorkTest, NoMinimumAsksForNothing) {
    EXPECT_EQ(refusal_of(with_id(id_with_bits(0), {}), 0), "");
    EXPECT_EQ(refusal_of(mined(0, "0"), 0), "");
}

}  // namespace
}  // namespace parrhesia::event
