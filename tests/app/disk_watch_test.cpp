#include "app/disk_watch.hpp"

#include "support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace parrhesia::app {
namespace {

TEST(DiskWatchTest, MeasuresBeforeAnybodyAsks) {
    const test::TemporaryFolder folder;
    base::MetricsRegistry registry;
    policy::DiskReserve reserve(std::numeric_limits<std::int64_t>::max());
    EXPECT_FALSE(reserve.is_short());
    const DiskWatch watch(folder.path().string(), reserve, registry);
    EXPECT_TRUE(reserve.is_short());
    EXPECT_NE(registry.render().find("parrhesia_store_disk_free_bytes"), std::string::npos);
}

TEST(DiskWatchTest, ADiskThatCannotBeMeasuredIsNotCalledFull) {
    base::MetricsRegistry registry;
    policy::DiskReserve reserve(1000);
    const DiskWatch watch("/no such folder", reserve, registry);
    EXPECT_FALSE(reserve.is_short());
    EXPECT_TRUE(free_disk_bytes("/no such folder").has_error());
}

}  // namespace
}  // namespace parrhesia::app
