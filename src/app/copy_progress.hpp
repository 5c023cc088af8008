// The file of "db copy --resume": which copy it is, and how far it is.
#pragma once

#include "parrhesia/base/clock.hpp"

#include "app/copy.hpp"

#include <optional>
#include <string>

namespace parrhesia::app {

// Threading: one thread. Lifetime: not beyond the clock.
class CopyProgress {
  public:
    // `from` and `to` are identities of stores (store_name.hpp).
    CopyProgress(std::string path, const std::string& from, const std::string& to,
                 const base::Clock& clock);

    // std::nullopt when there is no file. Errors: throws std::runtime_error, with the remedy, when
    // it cannot be read or is of another copy.
    [[nodiscard]] std::optional<CopyCheckpoint> load() const;
    // Written once a second, and by flush(). Errors: throws std::runtime_error naming the file.
    void save(const CopyCheckpoint& checkpoint);
    void flush();
    // The copy is complete.
    void remove() noexcept;

  private:
    const std::string path_;
    const std::string header_;
    const base::Clock& clock_;
    base::SteadyTime written_;
    std::optional<CopyCheckpoint> unwritten_;
};

}  // namespace parrhesia::app
