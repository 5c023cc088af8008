#include "stores.hpp"

#include "parrhesia/store/embedded_store.hpp"

#include <stdlib.h>

#include <cerrno>
#include <chrono>
#include <limits>
#include <string>
#include <system_error>

namespace parrhesia::bench {

TemporaryFolder::TemporaryFolder() {
    std::string name = std::filesystem::current_path() / "parrhesia_bench.XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) {
        throw std::system_error(errno, std::generic_category(),
                                name + ": no temporary store can be made there");
    }
    path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::unique_ptr<store::EventStore> open_new_store(const std::filesystem::path& folder) {
    store::EmbeddedOptions options;
    options.lmdb.path = folder;
    return store::open_embedded_store(options);
}

std::unique_ptr<store::EventStore> open_new_unindexed_store(const std::filesystem::path& folder) {
    store::EmbeddedOptions options;
    options.lmdb.path = folder;
    options.index_batch_events = std::numeric_limits<std::size_t>::max();
    options.index_batch_bytes = std::numeric_limits<std::size_t>::max();
    options.index_delay = std::chrono::hours(24);
    return store::open_embedded_store(options);
}

}  // namespace parrhesia::bench
