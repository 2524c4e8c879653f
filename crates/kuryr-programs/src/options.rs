//! What command lines take.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser as _};

/// What the controller and the daemon take.
#[derive(Debug, Args)]
pub struct Start {
    /// Where the configuration is.
    #[command(flatten)]
    pub files: ConfigFiles,
    /// Which Kubernetes.
    #[command(flatten)]
    pub cluster: Cluster,
}

/// Which Kubernetes.
#[derive(Clone, Debug, Default, Args)]
pub struct Cluster {
    /// Reach Kubernetes by this file instead of the api_root of kuryr.conf
    #[arg(
        long,
        env = "KUBECONFIG",
        hide_env_values = true,
        value_name = "FILE",
        value_parser = OsStringValueParser::new().map(PathBuf::from)
    )]
    kubeconfig: Option<PathBuf>,
}

impl Cluster {
    /// The kubeconfig, if one is named: a variable that is there and empty names none.
    pub fn kubeconfig(&self) -> Option<&Path> {
        self.kubeconfig
            .as_deref()
            .filter(|path| !path.as_os_str().is_empty())
    }
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub struct ConfigFiles {
    /// A kuryr.conf; may be given several times, later ones over earlier ones
    /// [default: /etc/kuryr/kuryr.conf]
    #[arg(long, value_name = "FILE")]
    pub config_file: Vec<PathBuf>,
    /// A directory whose *.conf are read after the files
    #[arg(long, value_name = "DIR")]
    pub config_dir: Vec<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        cluster: Cluster,
    }

    #[test]
    fn an_empty_kubeconfig_names_none() {
        let cluster = |file: &str| Cli::parse_from(["x", "--kubeconfig", file]).cluster;
        assert_eq!(cluster("").kubeconfig(), None);
        assert_eq!(cluster("admin").kubeconfig(), Some(Path::new("admin")));
    }
}
