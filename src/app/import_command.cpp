#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/import.hpp"
#include "app/stop_signals.hpp"
#include "app/store_factory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <stdexcept>
#include <system_error>

namespace parrhesia::app {
namespace {

class InputFile {
  public:
    explicit InputFile(const std::string& path) {
        if (path == "-") return;
        descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (descriptor_ < 0) {
            throw std::runtime_error(
                fmt::format("cannot read {}: {}", path, std::generic_category().message(errno)));
        }
    }
    ~InputFile() {
        if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
    }
    InputFile(const InputFile&) = delete;
    InputFile& operator=(const InputFile&) = delete;

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
    // What is left to read; empty for pipes and devices.
    [[nodiscard]] std::optional<std::uint64_t> size() const {
        struct stat status {};
        if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
        const off_t begin = ::lseek(descriptor_, 0, SEEK_CUR);
        if (begin < 0 || begin > status.st_size) return std::nullopt;
        return static_cast<std::uint64_t>(status.st_size - begin);
    }

  private:
    int descriptor_ = STDIN_FILENO;
};

int finish(const Config& config, const ImportArguments& arguments, const ImportResult& result,
           const ImportReport& report, const StopSignals& signals) {
    std::cout << report.summary();
    switch (result.end) {
        case ImportEnd::complete:
            return report.counts().refused == 0 ? kExitOk : kExitSomeRefused;
        case ImportEnd::stopped:
            std::cerr << "parrhesia: stopped; run the same command again to import the rest (what "
                         "is stored already will count as duplicate)\n";
            return kExitSignalBase + signals.signal();
        case ImportEnd::input_failed:
            std::cerr << fmt::format("parrhesia: cannot read {}: {}\n",
                                     arguments.input == "-" ? "standard input" : arguments.input,
                                     result.error);
            return kExitFailure;
        case ImportEnd::store_failed:
            std::cerr << fmt::format(
                "parrhesia: the store ({}) did not take {}\n"
                "{}; then run the same command again: what is stored already will count as "
                "duplicate.\n",
                store_words(config), result.error,
                is_embedded(config) ? "Look for free disk space and for the right to write there"
                                    : "Look at the database and its log");
            return kExitFailure;
    }
    return kExitFailure;
}

}  // namespace

int import_command(const Config& config, const ImportArguments& arguments) {
    StopSignals signals;  // before any thread is started
    const InputFile input(arguments.input);
    const auto store = open_store(config, Purpose::write);
    if (const base::error_code error = store->writable()) {
        throw std::runtime_error(
            fmt::format("the store ({}) cannot be written: {}; look at the rights of {}",
                        store_words(config), error.message(),
                        is_embedded(config) ? "the folder and its files" : "the database's user"));
    }

    ImportOptions options;
    options.limits = config.limits;
    options.with_protected = arguments.with_protected;
    options.check_threads = threads_or_cores(0);
    options.batch_events = config.store.max_batch_events;
    const base::SystemClock clock;
    ImportReport report(std::cerr, clock,
                        {::isatty(STDERR_FILENO) == 1, arguments.show_rejected, input.size()});
    LineReader lines(input.descriptor(), max_line_bytes(config.limits),
                     [&signals](int descriptor) { return signals.wait_readable(descriptor); });

    const ImportResult result =
        import_events(lines, *store, options, report, [&signals] { return signals.requested(); });
    report.end_progress();
    return finish(config, arguments, result, report, signals);
}

}  // namespace parrhesia::app
