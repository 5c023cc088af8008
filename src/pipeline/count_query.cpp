#include "pipeline/count_query.hpp"

#include "parrhesia/policy/limits.hpp"

#include <algorithm>
#include <utility>

namespace parrhesia::pipeline {

CountQuery::CountQuery(Shard& shard, CountOwner& owner, std::string escaped_id,
                       std::vector<event::Filter> filters, base::SteadyTime received_at)
    : shard_(shard),
      owner_(owner),
      escaped_id_(std::move(escaped_id)),
      filter_items_(policy::count_items(filters)),
      received_at_(received_at),
      filters_(std::move(filters)) {
    // Defined for one filter only (NIP-45).
    if (filters_.size() != 1) return;
    if (const auto offset = event::hyperloglog_offset_of(filters_.front())) hll_.emplace(*offset);
}

CountQuery::~CountQuery() {
    if (query_) query_->cancel();
}

void CountQuery::start(std::shared_ptr<const policy::Viewer> viewer) {
    store::ScanOptions options;
    options.visibility = std::move(viewer);
    options.want = store::ScanOptions::Want::authors;
    query_ = shard_.core().readers->start(std::move(filters_), std::move(options), shard_.home(),
                                          [this](const store::QueryPage& page) { on_page(page); });
}

void CountQuery::on_page(const store::QueryPage& page) {
    if (page.error) {
        owner_.on_count_failed(*this, page.error);  // destroys this
        return;
    }
    count_.events += page.page.rows.size();
    if (hll_) {
        for (const event::PubKey& author : page.page.authors) hll_->add(author);
    }
    const std::size_t most = shard_.core().limits.count_events;
    const bool has_more = !page.page.done;
    if (has_more && count_.events < most) {
        query_->more();
        return;
    }
    if (count_.events > most || has_more) {
        count_.events = std::min<std::uint64_t>(count_.events, most);
        count_.approximate = true;
    }
    if (hll_) count_.hll = hll_->to_hex();
    owner_.on_counted(*this, count_);  // destroys this
}

}  // namespace parrhesia::pipeline
