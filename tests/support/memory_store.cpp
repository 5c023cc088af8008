#include "support/memory_store.hpp"

#include <algorithm>
#include <thread>
#include <tuple>

namespace parrhesia::test {

using event::EventPtr;
using event::Filter;

namespace {

bool newer(const EventPtr& a, const EventPtr& b) {
    return std::tuple(-a->created_at(), a->id()) < std::tuple(-b->created_at(), b->id());
}

bool same_address(const event::EventView& a, const event::EventView& b) {
    if (a.kind() != b.kind() || a.pubkey() != b.pubkey()) return false;
    switch (event::class_of(a.kind())) {
        case event::KindClass::replaceable:
            return true;
        case event::KindClass::addressable:
            return a.identifier() == b.identifier();
        case event::KindClass::regular:
        case event::KindClass::ephemeral:
            return false;
    }
    return false;
}

void wait_while(const std::atomic<bool>& held) {
    while (held) std::this_thread::yield();
}

}  // namespace

class MemoryScan final : public store::Scan {
  public:
    MemoryScan(MemoryStore& store, std::vector<Filter> filters, store::ScanOptions options)
        : store_(store), filters_(std::move(filters)), options_(std::move(options)) {}

    base::error_code next(const store::ScanBudget& budget, store::ScanPage& page) override {
        page.clear();
        if (!begun_) begin();
        if (store_.fail_scans) return make_error_code(base::Errc::store_unavailable);
        while (next_ < found_.size() && page.rows.size() < budget.max_rows &&
               (page.rows.empty() || page.text.size() < budget.max_bytes)) {
            const EventPtr& event = found_[next_++];
            if (options_.want == store::ScanOptions::Want::authors) {
                page.rows.push_back({event->id(), event->created_at(), event->kind(), 0, 0});
                page.authors.push_back(event->pubkey());
                continue;
            }
            page.rows.push_back({event->id(), event->created_at(), event->kind(),
                                 static_cast<std::uint32_t>(page.text.size()),
                                 static_cast<std::uint32_t>(event->json().size())});
            page.text.append(event->json());
        }
        page.done = next_ == found_.size();
        if (page.done) {
            page.completeness =
                left_out_ ? store::Completeness::more : store::Completeness::finished;
        }
        return {};
    }
    [[nodiscard]] base::Mark mark() const noexcept override { return mark_; }

  private:
    void begin() {
        begun_ = true;
        ++store_.scans_begun;
        wait_while(store_.hold_scans);
        std::vector<EventPtr> all;
        {
            const std::scoped_lock lock(store_.mutex_);
            mark_ = base::Mark(store_.last_seq_);
            for (const auto& stored : store_.stored_) all.push_back(stored.event);
        }
        std::sort(all.begin(), all.end(), newer);
        std::vector<bool> wanted(all.size());
        std::vector<bool> cut(all.size());
        for (const Filter& filter : filters_) {
            std::uint32_t left = filter.limit.value_or(std::numeric_limits<std::uint32_t>::max());
            for (std::size_t i = 0; i < all.size(); ++i) {
                if (!event::matches(filter, all[i]->view())) continue;
                if (options_.visibility && !options_.visibility->shows(all[i]->view())) continue;
                if (left == 0) {
                    cut[i] = true;
                } else {
                    wanted[i] = true;
                    --left;
                }
            }
        }
        for (std::size_t i = 0; i < all.size(); ++i) {
            left_out_ = left_out_ || (cut[i] && !wanted[i]);
            if (wanted[i]) found_.push_back(all[i]);
        }
    }

    MemoryStore& store_;
    const std::vector<Filter> filters_;
    const store::ScanOptions options_;
    bool left_out_ = false;
    bool begun_ = false;
    base::Mark mark_;
    std::vector<EventPtr> found_;
    std::size_t next_ = 0;
};

std::vector<store::PutResult> MemoryStore::put(std::span<const EventPtr> batch) {
    wait_while(hold_puts);
    std::vector<store::PutResult> results(batch.size());
    const std::scoped_lock lock(mutex_);
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const EventPtr& event = batch[i];
        store::PutResult& result = results[i];
        if (fail_puts) {
            result.error = make_error_code(base::Errc::store_not_writable);
            continue;
        }
        const auto same_id = std::find_if(stored_.begin(), stored_.end(), [&](const Stored& other) {
            return other.event->id() == event->id();
        });
        if (same_id != stored_.end()) {
            result.status = store::PutStatus::duplicate;
            continue;
        }
        const auto version = std::find_if(stored_.begin(), stored_.end(), [&](const Stored& other) {
            return same_address(other.event->view(), event->view());
        });
        if (version != stored_.end()) {
            if (newer(version->event, event)) {
                result.status = store::PutStatus::superseded;
                continue;
            }
            stored_.erase(version);
        }
        stored_.push_back({event, ++last_seq_});
        result.status = store::PutStatus::stored;
        result.position = {last_seq_};
    }
    return results;
}

std::unique_ptr<store::Scan> MemoryStore::scan(std::vector<Filter> filters,
                                               store::ScanOptions options) {
    return std::make_unique<MemoryScan>(*this, std::move(filters), std::move(options));
}

base::error_code MemoryStore::writable() const noexcept {
    return fail_puts ? make_error_code(base::Errc::store_not_writable) : base::error_code();
}

store::StoreStats MemoryStore::stats() const {
    const std::scoped_lock lock(mutex_);
    return {stored_.size(), 0, last_seq_};
}

}  // namespace parrhesia::test
