// Runs a store through random histories and compares it with the oracle (model_oracle.hpp).
#pragma once

#include "parrhesia/event/visibility.hpp"

#include "store/model_history.hpp"
#include "store/model_oracle.hpp"
#include "store/store_testing.hpp"
#include "support/manual_clock.hpp"
#include "support/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parrhesia::test {

using store::ScanOptions;

class Unexpired final : public event::Visibility {
  public:
    explicit Unexpired(std::int64_t now) : now_(now) {}
    [[nodiscard]] bool shows(const event::EventView& event) const noexcept override {
        return !event::has_expired(event, now_);
    }

  private:
    const std::int64_t now_;
};

// In memory where there is such a file system: a child that ends is no power cut, so a disk adds
// nothing but its time, and that is most of it.
inline std::filesystem::path fast_folder() {
    const char* memory = "/dev/shm";
    return ::access(memory, W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
}

// Opens what the folder has: for a new folder an empty store. In a child process, too.
using OpenStore =
    std::function<std::unique_ptr<EventStore>(const std::filesystem::path&, const base::Clock&)>;

inline std::string described(const EventPtr& event) { return std::string(event->json()) + "\n"; }

class Run {
  public:
    using Queries = std::vector<std::vector<Filter>>;

    // `queries` are asked whenever the whole content is.
    Run(const OpenStore& open, const Queries& queries) : open_(open), queries_(queries) {
        queries_.push_back({Filter()});
    }

    // What went wrong, or nothing.
    std::optional<std::string> operator()(const History& history) {
        for (const Segment& segment : history) {
            clock_.set(segment.now);
            std::optional<std::string> fault =
                segment.crashes ? crash_after(segment) : close_after(segment);
            if (fault) return fault;
            const auto store = open_(folder_.path() / "store", clock_);
            fault = compare(*store, "after a restart");
            if (fault) return fault;
        }
        return std::nullopt;
    }

  private:
    std::optional<std::string> close_after(const Segment& segment) {
        const auto store = open_(folder_.path() / "store", clock_);
        for (const auto& batch : segment.batches) {
            std::string statuses;
            for (const PutResult& result : store->put(batch)) {
                statuses += static_cast<char>(result.status);
            }
            if (auto fault = compare_statuses(batch, statuses)) return fault;
            if (auto fault = compare(*store, "after a batch")) return fault;
        }
        return std::nullopt;
    }

    // In a process that ends without a word; it tells the statuses through a pipe.
    std::optional<std::string> crash_after(const Segment& segment) {
        std::array<int, 2> report{};
        if (::pipe(report.data()) != 0) return "no pipe";
        const pid_t child = ::fork();
        if (child == 0) {
            ::close(report[0]);
            const auto store = open_(folder_.path() / "store", clock_);
            for (const auto& batch : segment.batches) {
                for (const PutResult& result : store->put(batch)) {
                    const char status = static_cast<char>(result.status);
                    if (::write(report[1], &status, 1) != 1) ::_exit(1);
                }
            }
            ::_exit(0);
        }
        ::close(report[1]);
        std::string statuses;
        std::array<char, 256> buffer{};
        for (ssize_t size = 0; (size = ::read(report[0], buffer.data(), buffer.size())) > 0;) {
            statuses.append(buffer.data(), static_cast<std::size_t>(size));
        }
        ::close(report[0]);
        int status = 0;
        if (::waitpid(child, &status, 0) != child || status != 0) return "the child failed";
        std::size_t at = 0;
        for (const auto& batch : segment.batches) {
            if (auto fault = compare_statuses(batch, statuses.substr(at, batch.size()))) {
                return fault;
            }
            at += batch.size();
        }
        return std::nullopt;
    }

    std::optional<std::string> compare_statuses(const std::vector<EventPtr>& batch,
                                                const std::string& statuses) {
        if (statuses.size() != batch.size()) return "not every event had a result";
        for (std::size_t i = 0; i < batch.size(); ++i) {
            const auto expected = static_cast<char>(oracle_.put(batch[i]));
            if (statuses[i] == expected) continue;
            return "status " + std::to_string(statuses[i]) + " instead of " +
                   std::to_string(expected) + " for " + described(batch[i]);
        }
        return std::nullopt;
    }

    std::optional<std::string> compare(EventStore& store, const std::string& when) {
        for (const std::vector<Filter>& filters : queries_) {
            ScanOptions options;
            options.visibility = std::make_shared<const Unexpired>(clock_.unix_seconds());
            const auto scan = store.scan(filters, options);
            ScanBudget budget;
            budget.max_rows = 3;
            const auto found = read_all(*scan, budget, [] {});
            const auto expected = oracle_.query(filters, clock_.unix_seconds());
            if (found == expected) continue;
            std::string text = when + ": " + text_of(filters) + " found\n";
            for (const std::string& json : found) text += "  " + json + "\n";
            text += "instead of\n";
            for (const std::string& json : expected) text += "  " + json + "\n";
            return text;
        }
        return std::nullopt;
    }

    const OpenStore& open_;
    Queries queries_;
    TemporaryFolder folder_{fast_folder()};
    ManualClock clock_{kModelStart};
    Oracle oracle_;
};

// The history up to its `count`th event, one event a batch.
inline History prefix_of(const History& history, std::size_t count) {
    History result;
    for (const Segment& segment : history) {
        result.push_back({{}, segment.now, segment.crashes});
        for (const auto& batch : segment.batches) {
            for (const EventPtr& event : batch) {
                if (count == 0) return result;
                --count;
                result.back().batches.push_back({event});
            }
        }
    }
    return result;
}

inline std::size_t size_of(const History& history) {
    std::size_t size = 0;
    for (const Segment& segment : history) {
        for (const auto& batch : segment.batches) size += batch.size();
    }
    return size;
}

inline void expect_agreement(const OpenStore& open, unsigned first_seed, unsigned histories) {
    for (unsigned seed = first_seed; seed < first_seed + histories; ++seed) {
        HistoryMaker maker(seed);
        const History history = maker.make();
        const auto queries = maker.make_queries();
        std::optional<std::string> fault = Run(open, queries)(history);
        if (!fault) continue;
        // The shortest part of it, from its beginning, that fails as well.
        std::string told = "the whole history";
        for (std::size_t count = 1; count <= size_of(history); ++count) {
            const History prefix = prefix_of(history, count);
            const auto earlier = Run(open, queries)(prefix);
            if (!earlier) continue;
            fault = earlier;
            told = "its first " + std::to_string(count) + " events, one by one:\n";
            for (const Segment& segment : prefix) {
                told += "at " + std::to_string(segment.now) +
                        (segment.crashes ? ", then a crash:\n" : ":\n");
                for (const auto& batch : segment.batches) told += "  " + described(batch.front());
            }
            break;
        }
        FAIL() << "seed " << seed << ", " << told << "\n" << *fault;
    }
}

}  // namespace parrhesia::test
