#include "app/export.hpp"

#include "parrhesia/base/clock.hpp"
#include "parrhesia/event/visibility.hpp"

#include <memory>
#include <utility>

namespace parrhesia::app {
namespace {

// The operator sees everything but what has expired (NIP-40).
class Unexpired final : public event::Visibility {
  public:
    [[nodiscard]] bool shows(const event::EventView& event) const noexcept override {
        return event.expiration() == 0 || !event::has_expired(event, clock_.unix_seconds());
    }

  private:
    const base::SystemClock clock_;
};

bool write_page(const store::ScanPage& page, OutputFile& out) {
    for (const store::ScanRow& row : page.rows) {
        if (!out.write(page.json(row)) || !out.write("\n")) return false;
    }
    return true;
}

}  // namespace

ExportResult export_events(store::EventStore& store, std::vector<event::Filter> filters,
                           OutputFile* out) {
    ExportResult result;
    const std::unique_ptr<store::Scan> scan =
        store.scan(std::move(filters), {.visibility = std::make_shared<const Unexpired>()});
    const store::ScanBudget budget;
    store::ScanPage page;
    while (!page.done) {
        result.store_error = scan->next(budget, page);
        if (result.store_error) break;
        result.events += page.rows.size();
        if (out != nullptr && !write_page(page, *out)) break;
    }
    if (out != nullptr) result.is_output_lost = !out->finish();
    return result;
}

}  // namespace parrhesia::app
