//! `[DEFAULT]`: what upstream and oslo.log keep there.

use crate::macros::option_group;
use crate::spec::{Kind, kinds::*};

/// Why oslo.log's options about files change nothing.
const STDERR: &str =
    "logs go to standard error, where the container runtime or journald keeps them";
const FORMAT: &str = "log lines have one form; [kuryr] log_format chooses text or JSON";
const PYTHON: &str = "there are no Python modules to configure";

option_group! {
    /// Logging, and what upstream keeps outside any other group.
    pub struct Logging for "DEFAULT" {
        /// Log at the level DEBUG instead of INFO.
        debug: bool = boolean("false");
        /// Write logs as JSON, an object a line; the same as `json` in
        /// `[kuryr] log_format`.
        use_json: bool = boolean("false");
    }
    accepted {
        /// Where upstream's Python package is.
        pybasedir = of(Kind::Path).ignored(PYTHON);
        /// Where kuryr-lib's binding scripts are.
        bindir = of(Kind::Path).default("/usr/libexec/kuryr")
            .ignored("interfaces are plugged by the daemon itself, without scripts");
        /// Prefix of the subnet pools of Kuryr for Docker.
        subnetpool_name_prefix = of(Kind::Text).default("kuryrPool")
            .ignored("subnet pools are named by the operator, in [namespace_subnet]");
        /// `baremetal` or `nested-containers`, of Kuryr for Docker.
        deployment_type = of(Kind::Text).default("baremetal")
            .ignored("[kubernetes] pod_vif_driver says how pods are attached");
        /// Levels of Python loggers.
        default_log_levels = of(Kind::List).ignored(PYTHON);
        /// A Python logging configuration.
        log_config_append = of(Kind::Path).aliases(&["log_config"]).ignored(PYTHON);
        /// Form of dates in logs.
        log_date_format = of(Kind::Text).ignored(FORMAT);
        /// File that logs are written to.
        log_file = of(Kind::Path).aliases(&["logfile"]).ignored(STDERR);
        /// Directory of `log_file`.
        log_dir = of(Kind::Path).aliases(&["logdir"]).ignored(STDERR);
        /// Reopen `log_file` when it is moved.
        watch_log_file = boolean("false").ignored(STDERR);
        /// Rotation of `log_file`.
        log_rotation_type = of(Kind::Text).ignored(STDERR);
        /// Rotation of `log_file`.
        log_rotate_interval = of(Kind::Text).ignored(STDERR);
        /// Rotation of `log_file`.
        log_rotate_interval_type = of(Kind::Text).ignored(STDERR);
        /// Rotation of `log_file`.
        max_logfile_count = of(Kind::Text).ignored(STDERR);
        /// Rotation of `log_file`.
        max_logfile_size_mb = of(Kind::Text).ignored(STDERR);
        /// Log to syslog.
        use_syslog = boolean("false").ignored(STDERR);
        /// Facility in syslog.
        syslog_log_facility = of(Kind::Text).ignored(STDERR);
        /// Log to journald.
        use_journal = boolean("false").ignored(STDERR);
        /// Log to standard error.
        use_stderr = boolean("true").ignored(STDERR);
        /// Log in colours.
        log_color = boolean("false").ignored(FORMAT);
        /// Form of a log line.
        logging_context_format_string = of(Kind::Text).ignored(FORMAT);
        /// Form of a log line.
        logging_default_format_string = of(Kind::Text).ignored(FORMAT);
        /// Form of a log line.
        logging_debug_format_suffix = of(Kind::Text).ignored(FORMAT);
        /// Form of a log line.
        logging_exception_prefix = of(Kind::Text).ignored(FORMAT);
        /// Form of a log line.
        logging_user_identity_format = of(Kind::Text).ignored(FORMAT);
        /// Form of a log line.
        instance_format = of(Kind::Text).ignored(FORMAT);
        /// Form of a log line.
        instance_uuid_format = of(Kind::Text).ignored(FORMAT);
        /// Publish errors as OpenStack notifications.
        publish_errors = boolean("false")
            .ignored("OpenStack notifications are not sent; Kubernetes Events are");
        /// Limit of log lines in an interval.
        rate_limit_interval = of(Kind::Text).ignored("logs are not limited");
        /// Limit of log lines in an interval.
        rate_limit_burst = of(Kind::Text).ignored("logs are not limited");
        /// Limit of log lines in an interval.
        rate_limit_except_level = of(Kind::Text).ignored("logs are not limited");
        /// End on use of a deprecated Python function.
        fatal_deprecations = boolean("false").ignored(PYTHON);
    }
}
