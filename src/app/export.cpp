#include "app/export.hpp"

#include "parrhesia/base/clock.hpp"

#include <memory>
#include <utility>

namespace parrhesia::app {
namespace {

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

std::shared_ptr<const event::Visibility> unexpired() { return std::make_shared<const Unexpired>(); }

ExportResult export_events(store::EventStore& store, std::vector<event::Filter> filters,
                           OutputFile* out) {
    ExportResult result;
    const std::unique_ptr<store::Scan> scan =
        store.scan(std::move(filters), {.visibility = unexpired()});
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
