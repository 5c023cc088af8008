#include "app/command_line.hpp"

#include "app/commands.hpp"
#include "app/config_load.hpp"
#include "app/config_print.hpp"
#include "app/exit_code.hpp"
#include "app/supported_nips.hpp"
#include "app/version.hpp"

#include <CLI/CLI.hpp>

#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

namespace parrhesia::app {
namespace {

struct Arguments {
    std::optional<std::string> config_file;
    std::vector<std::string> assignments;
    bool is_documented_print = false;
    ImportArguments import;
    ExportArguments export_;
    ScanArguments scan;
    GenerateArguments generate;
    KeyImportArguments key_import;
    CopyArguments copy;
    ClusterKeygenArguments cluster_keygen;
    ClusterCertificateArguments cluster_certificate;
    ClusterStatusArguments cluster_status;
    bool is_markdown = false;
};

constexpr const char* kFooter =
    "Examples:\n"
    "  parrhesia relay --set relay.port=8080 --set store.path=/var/lib/parrhesia\n"
    "  parrhesia config check --config /etc/parrhesia.toml\n"
    "  parrhesia generate --count 100000 | parrhesia import -\n"
    "  parrhesia scan '{\"kinds\":[1],\"limit\":10}'\n"
    "\nThe configuration comes from --config FILE (or PARRHESIA_CONFIG), then from variables such "
    "as\n"
    "PARRHESIA_RELAY_PORT, then from --set; later ones win. \"parrhesia config print "
    "--documented\"\n"
    "shows every key.\n"
    "\nExit codes: 0 success, 1 failure, 2 some lines refused (import, db copy), 3 not all\n"
    "is well (cluster status), 64 wrong usage, 78 wrong configuration, 130 and 143 stopped by "
    "SIGINT and SIGTERM (import, db copy).\n";

void add_import(CLI::App& app, ImportArguments& arguments) {
    CLI::App* command =
        app.add_subcommand("import", "Store events from a JSONL file; every one is verified");
    command->add_option("FILE", arguments.input, "One event a line; \"-\" is standard input")
        ->capture_default_str();
    command
        ->add_option("--show-rejected", arguments.show_rejected,
                     "Name this many refused lines, with the reason; all are counted")
        ->capture_default_str();
    command->add_flag("--with-protected", arguments.with_protected,
                      "Take events that only their authors may publish (NIP-70), too: for a "
                      "backup of this relay");
    command->footer(
        "The import may be stopped (Ctrl-C) and run again: what is stored already is skipped.\n"
        "Examples:\n"
        "  parrhesia import events.jsonl\n"
        "  zstdcat dump.jsonl.zst | parrhesia import - --show-rejected 100\n");
}

void add_export(CLI::App& app, ExportArguments& arguments) {
    CLI::App* command = app.add_subcommand("export", "Write all events as JSONL, newest first");
    command->add_option("--out", arguments.output, "Write to this file, not to standard output")
        ->type_name("FILE");
    command->add_option("--since", arguments.since, "From this created_at on (Unix seconds)")
        ->check(CLI::NonNegativeNumber);
    command->add_option("--until", arguments.until, "Up to this created_at (Unix seconds)")
        ->check(CLI::NonNegativeNumber);
    command->footer(
        "Examples:\n"
        "  parrhesia export --out backup.jsonl\n"
        "  parrhesia export --since 1735689600 | zstd > since-2025.jsonl.zst\n");
}

void add_scan(CLI::App& app, ScanArguments& arguments) {
    CLI::App* command =
        app.add_subcommand("scan", "Write the events that match a filter as JSONL, newest first");
    command
        ->add_option("FILTER", arguments.filters,
                     "A filter as in REQ, or an array of filters; without \"limit\" all events")
        ->required();
    command->add_flag("--count", arguments.count_only, "Write only how many there are");
    command->footer(
        "Examples:\n"
        "  parrhesia scan '{\"kinds\":[1],\"limit\":10}'\n"
        "  parrhesia scan --count '[{\"#t\":[\"nostr\"]},{\"kinds\":[30023]}]'\n");
}

void add_generate(CLI::App& app, GenerateArguments& arguments) {
    CLI::App* command = app.add_subcommand(
        "generate",
        "Make a deterministic corpus of signed events (JSONL), for trying and benchmarking");
    command->add_option("--count", arguments.count, "How many events")->capture_default_str();
    command->add_option("--seed", arguments.seed, "The same seed makes the same events")
        ->capture_default_str();
    command->add_option("--authors", arguments.authors, "How many authors write them")
        ->capture_default_str()
        ->check(CLI::Range(1, 1'000'000));
    command->add_option("--out", arguments.output, "Write to this file, not to standard output")
        ->type_name("FILE");
    command->footer(
        "Examples:\n"
        "  parrhesia generate --count 100000 --out corpus.jsonl\n"
        "  parrhesia generate --seed 7 | parrhesia import -\n");
}

void add_config(CLI::App& app, Arguments& arguments) {
    CLI::App* config = app.add_subcommand("config", "Check or show the configuration");
    config->require_subcommand(1);
    config->fallthrough();
    config->add_subcommand("check", "Report every mistake; \"ok\" when there is none")
        ->fallthrough();
    CLI::App* print =
        config->add_subcommand("print", "Show the values in effect and where each comes from");
    print->add_flag("--documented", arguments.is_documented_print,
                    "Instead, show every key with description, unit, range and default");
    print->fallthrough();
}

void add_key(CLI::App& app, KeyImportArguments& arguments) {
    CLI::App* key = app.add_subcommand("key", "Show or bring the relay's own key");
    key->require_subcommand(1);
    key->footer(
        "The relay makes its key at its first start: the file relay.key in store.path.\n"
        "Examples:\n"
        "  parrhesia key show\n"
        "  parrhesia key import old-relay.key\n");
    key->add_subcommand("show", "Write the public key, in hex")->fallthrough();
    CLI::App* import = key->add_subcommand("import", "Give the relay the secret key of a file");
    import
        ->add_option("FILE", arguments.input,
                     "The secret key, 64 hex digits; \"-\" is standard input")
        ->required();
    import->add_flag("--force", arguments.force, "Replace the key that the relay has");
    import->fallthrough();
}

void add_db(CLI::App& app, CopyArguments& arguments) {
    CLI::App* db = app.add_subcommand("db", "Prepare, look at, or copy a store");
    db->require_subcommand(1);
    db->add_subcommand("migrate", "Bring the schema of the PostgreSQL database up to date")
        ->fallthrough();
    db->add_subcommand("status", "Show whether the store can be used, and how much is in it")
        ->fallthrough();
    CLI::App* copy = db->add_subcommand("copy", "Copy all events of a store into another one");
    copy->add_option("--from", arguments.from,
                     "config (the configured store), lmdb:FOLDER or postgres:CONNECTION")
        ->type_name("STORE")
        ->required();
    copy->add_option("--to", arguments.to, "The same")->type_name("STORE")->required();
    copy->add_option("--resume", arguments.resume,
                     "Keep the progress in this file, and go on from it when it is there")
        ->type_name("FILE");
    copy->fallthrough();
    copy->footer(
        "The copy may be stopped (Ctrl-C) and run again.\n"
        "Examples:\n"
        "  parrhesia db copy --from lmdb:/var/lib/parrhesia --to config --resume copy.progress\n"
        "  parrhesia db copy --from \"postgres:host=/run/postgresql dbname=nostr\" --to "
        "lmdb:backup\n");
}

void add_cluster_certificate(CLI::App& cluster, ClusterCertificateArguments& arguments) {
    CLI::App* command = cluster.add_subcommand(
        "certificate", "Make a relay's certificate for cluster.tls = \"mtls\"");
    command
        ->add_option("--authority", arguments.authority,
                     "Folder of the authority (ca.pem, ca.key), which is made when it is not there")
        ->required()
        ->type_name("FOLDER");
    command->add_option("--node", arguments.node, "Id of the relay (parrhesia cluster id)")
        ->required()
        ->type_name("ID");
    command->add_option("--out", arguments.output, "Write relay.pem, relay.key and ca.pem there")
        ->required()
        ->type_name("FOLDER");
    command->add_option("--days", arguments.days, "How long it is valid")
        ->check(CLI::Range(1U, 3650U))
        ->capture_default_str();
    command->fallthrough();
    command->footer(
        "Example:\n  parrhesia cluster certificate --authority ca --node $(parrhesia cluster id) "
        "--out relay-1\n");
}

void add_cluster(CLI::App& app, Arguments& arguments) {
    CLI::App* cluster =
        app.add_subcommand("cluster", "Prepare a cluster of relays, and look at it");
    cluster->require_subcommand(1);
    CLI::App* keygen =
        cluster->add_subcommand("keygen", "Make the secret that the relays of a cluster share");
    keygen
        ->add_option("--out", arguments.cluster_keygen.output,
                     "Write to this new file, not to standard output")
        ->type_name("FILE");
    keygen->fallthrough();
    keygen->footer("Example:\n  parrhesia cluster keygen --out /etc/parrhesia/cluster.key\n");
    add_cluster_certificate(*cluster, arguments.cluster_certificate);
    CLI::App* status = cluster->add_subcommand(
        "status", "Show the cluster as the running relay sees it: peers, queues, who sees whom");
    status->add_flag("--json", arguments.cluster_status.is_json, "As the relay says it, as JSON");
    status
        ->add_option("--admin", arguments.cluster_status.admin,
                     "Ask the admin listener there, not the one of the configuration")
        ->type_name("HOST:PORT");
    status->fallthrough();
    status->footer("Exit code 3: the relay answered, and not all is well.\n");
    cluster
        ->add_subcommand("id",
                         "Show the id of this relay in its cluster; makes it when there is "
                         "none")
        ->fallthrough();
}

void add_nips(CLI::App& app, bool& is_markdown) {
    CLI::App* command =
        app.add_subcommand("nips", "Show what of the protocol is supported, and how it is proved");
    command->add_flag("--markdown", is_markdown, "Everything about each, as in docs/nips.md");
}

void define(CLI::App& app, Arguments& arguments) {
    app.require_subcommand(1);
    app.fallthrough();
    app.footer(kFooter);
    app.add_option("--config", arguments.config_file, "Configuration file (TOML)")
        ->type_name("FILE");
    app.add_option("--set", arguments.assignments,
                   "Set a configuration key, as in relay.port=8080; may be repeated")
        ->type_name("KEY=VALUE")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    app.add_subcommand("relay", "Run the relay in the foreground, until SIGINT or SIGTERM")
        ->footer("Example:\n  parrhesia relay --config /etc/parrhesia.toml\n");
    add_import(app, arguments.import);
    add_export(app, arguments.export_);
    add_scan(app, arguments.scan);
    add_config(app, arguments);
    add_generate(app, arguments.generate);
    add_key(app, arguments.key_import);
    add_db(app, arguments.copy);
    add_cluster(app, arguments);
    add_nips(app, arguments.is_markdown);
    app.add_subcommand("version", "Show the version of this build and of its libraries");
    for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        command->fallthrough();
    }
}

int fail_config(const LoadedConfig& loaded) {
    for (const std::string& error : loaded.errors) std::cerr << error << '\n';
    return kExitConfig;
}

int dispatch(const CLI::App& app, const Arguments& arguments, const char* const* environ_block,
             const RunRelay& run_relay) {
    if (app.got_subcommand("version")) {
        std::cout << version_report();
        return kExitOk;
    }
    if (app.got_subcommand("generate")) return generate_command(arguments.generate);
    // Before there is a configuration: without the secret, one with a cluster is refused.
    const bool is_cluster = app.got_subcommand("cluster");
    const CLI::App& cluster = *app.get_subcommand("cluster");
    if (is_cluster && cluster.got_subcommand("keygen")) {
        return cluster_keygen_command(arguments.cluster_keygen);
    }
    if (is_cluster && cluster.got_subcommand("certificate")) {
        return cluster_certificate_command(arguments.cluster_certificate);
    }
    if (app.got_subcommand("nips")) {
        std::cout << (arguments.is_markdown ? nips_markdown() : nips_text());
        return kExitOk;
    }
    if (app.got_subcommand("config") && arguments.is_documented_print) {
        std::cout << documented_toml();
        return kExitOk;
    }

    const LoadedConfig loaded =
        load_config(sources_from(arguments.config_file, environ_block, arguments.assignments));
    if (!loaded.errors.empty()) return fail_config(loaded);
    const Config& config = loaded.config;
    if (app.got_subcommand("config")) {
        const bool is_check = app.get_subcommand("config")->got_subcommand("check");
        std::cout << (is_check ? "ok\n" : effective_toml(loaded));
        return kExitOk;
    }

    base::log::configure(config.log.level, config.log.format);
    if (app.got_subcommand("relay")) return run_relay(config);
    if (is_cluster) {
        return cluster.got_subcommand("id")
                   ? cluster_id_command(config)
                   : cluster_status_command(config, arguments.cluster_status);
    }
    if (app.got_subcommand("import")) return import_command(config, arguments.import);
    if (app.got_subcommand("export")) return export_command(config, arguments.export_);
    if (app.got_subcommand("key")) {
        return app.get_subcommand("key")->got_subcommand("show")
                   ? key_show_command(config)
                   : key_import_command(config, arguments.key_import);
    }
    if (app.got_subcommand("db")) {
        const CLI::App& db = *app.get_subcommand("db");
        if (db.got_subcommand("migrate")) return db_migrate_command(config);
        if (db.got_subcommand("status")) return db_status_command(config);
        return db_copy_command(config, arguments.copy);
    }
    return scan_command(config, arguments.scan);
}

// Help goes to standard output and is a success; what is wrong goes to standard error.
int exit_code_of(const CLI::App& app, const CLI::ParseError& error) {
    const int code = app.exit(error, std::cout, std::cerr);
    return code == 0 ? kExitOk : kExitUsage;
}

}  // namespace

int run_command_line(int argc, const char* const* argv, const char* const* environ_block,
                     const RunRelay& run_relay) {
    try {
        CLI::App app("Parrhesia, a relay for Nostr", "parrhesia");
        Arguments arguments;
        define(app, arguments);
        try {
            app.parse(argc, argv);
        } catch (const CLI::ParseError& error) {
            return exit_code_of(app, error);
        }
        const int code = dispatch(app, arguments, environ_block, run_relay);
        std::cout.flush();
        return code;
    } catch (const std::exception& error) {
        std::cerr << "parrhesia: " << error.what() << '\n';
        return kExitFailure;
    }
}

}  // namespace parrhesia::app
