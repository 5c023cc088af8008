#include "mesh/dial_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <vector>

namespace parrhesia::mesh {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class DialPlanTest : public testing::Test {
  protected:
    std::vector<std::string> due() {
        return plan_.due(now_, [this](const base::NodeId& node) { return linked_.contains(node); });
    }
    // Dials whatever is due, in vain, for that long; returns how often.
    int fail_for(std::chrono::milliseconds time) {
        int dials = 0;
        for (const auto end = now_ + time; now_ < end; now_ += 100ms) {
            for (const std::string& address : due()) {
                ++dials;
                plan_.on_failed(address, now_);
            }
        }
        return dials;
    }

    base::SteadyTime now_{1h};
    DialPlan plan_{1};
    std::set<base::NodeId> linked_;
};

TEST_F(DialPlanTest, TheFirstDialComesWithinHalfASecond) {
    plan_.add("a:1", Origin::configured, now_);
    now_ += DialPlan::kFirstDial;
    EXPECT_THAT(due(), ElementsAre("a:1"));
    now_ += 1h;
    EXPECT_THAT(due(), IsEmpty()) << "it is being dialled";
}

TEST_F(DialPlanTest, WaitsGrowToAQuarterOfAMinuteAndNoFurther) {
    plan_.add("a:1", Origin::configured, now_);
    const int dials = fail_for(10min);
    EXPECT_GE(dials, 40);
    EXPECT_LE(dials, 200);
}

TEST_F(DialPlanTest, WhatIsConfiguredIsDialledForEver) {
    plan_.add("a:1", Origin::configured, now_);
    fail_for(2h);
    EXPECT_GT(fail_for(1min), 0);
}

TEST_F(DialPlanTest, WhatIsConfiguredComesBackAfterALongLink) {
    plan_.add("a:1", Origin::configured, now_);
    now_ += 1s;
    ASSERT_THAT(due(), ElementsAre("a:1"));
    const base::NodeId node;
    linked_.insert(node);
    plan_.on_linked("a:1", node);
    now_ += 1h;
    EXPECT_THAT(due(), IsEmpty());
    linked_.clear();
    plan_.on_lost(node, now_);
    now_ += DialPlan::kFirstDial;
    EXPECT_THAT(due(), ElementsAre("a:1"));
}

TEST_F(DialPlanTest, WhatNobodyNamesAnyMoreIsForgotten) {
    plan_.add("a:1", Origin::discovered, now_);
    fail_for(DialPlan::kForgetAfter - 1min);
    EXPECT_EQ(plan_.size(), 1U);
    plan_.add("a:1", Origin::discovered, now_);
    fail_for(2min);
    EXPECT_EQ(plan_.size(), 1U) << "it was named again";
    fail_for(DialPlan::kForgetAfter + 1min);
    EXPECT_EQ(plan_.size(), 0U);
}

TEST_F(DialPlanTest, GossipIsBelievedTwentyTimes) {
    plan_.add("a:1", Origin::gossip, now_);
    EXPECT_EQ(fail_for(10min), static_cast<int>(DialPlan::kGossipTries));
    EXPECT_EQ(plan_.size(), 0U);
    plan_.add("a:1", Origin::gossip, now_);
    plan_.add("a:1", Origin::configured, now_);
    EXPECT_GT(fail_for(1h), 100) << "until the configuration names it, too";
}

TEST_F(DialPlanTest, ARefusalIsRespected) {
    plan_.add("a:1", Origin::configured, now_);
    now_ += 1s;
    ASSERT_THAT(due(), ElementsAre("a:1"));
    plan_.on_refused("a:1", 60s, now_);
    now_ += 59s;
    EXPECT_THAT(due(), IsEmpty());
    now_ += 1s;
    EXPECT_THAT(due(), ElementsAre("a:1"));
    plan_.on_refused("a:1", std::chrono::hours(100), now_);
    now_ += DialPlan::kLongestRefusal;
    EXPECT_THAT(due(), ElementsAre("a:1")) << "but not for as long as a peer may say";
}

TEST_F(DialPlanTest, ItselfIsNotDialledAgain) {
    plan_.add("a:1", Origin::gossip, now_);
    plan_.on_self("a:1");
    now_ += 24h;
    plan_.add("a:1", Origin::gossip, now_);
    now_ += 1h;
    EXPECT_THAT(due(), IsEmpty());
    EXPECT_EQ(plan_.size(), 1U);
}

}  // namespace
}  // namespace parrhesia::mesh
