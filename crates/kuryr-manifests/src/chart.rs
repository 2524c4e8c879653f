//! The Helm chart: the same objects, with Helm's expressions where values go.
//!
//! Of each object that a platform changes both forms are in the chart, under a condition. Values go in as JSON, which is YAML
//! that needs no indentation.

use serde_json::{Value, json};

use crate::slots::{self, Filling};
use crate::source::{self, Document, When};
use crate::values::{DEFAULTS, Platform, Values};

/// Between these an expression waits in a string until the object is text.
const OPEN: &str = "@@";
const CLOSE: &str = "@@";

/// The files of the chart: name and text.
///
/// # Errors
/// None that is known: the objects came from YAML.
pub fn chart(version: &str) -> Result<Vec<(String, String)>, serde_yaml_ng::Error> {
    let schema = serde_json::to_value(schemars::schema_for!(Values)).unwrap_or_default();
    let mut files = vec![
        ("Chart.yaml".to_owned(), description(version)),
        ("values.yaml".to_owned(), DEFAULTS.to_owned()),
        ("values.schema.json".to_owned(), format!("{schema:#}\n")),
        ("templates/NOTES.txt".to_owned(), NOTES.to_owned()),
        ("templates/missing.yaml".to_owned(), MISSING.to_owned()),
    ];
    let plain = source::documents(Platform::Kubernetes);
    let openshift = source::documents(Platform::Openshift);
    for document in &openshift {
        if document.when == When::NotInChart {
            continue;
        }
        let other = plain.iter().find(|d| d.key() == document.key());
        let (kind, name) = document.key();
        let file = format!(
            "templates/{}-{}.yaml",
            kind.to_lowercase(),
            name.replace(':', "-")
        );
        files.push((file, template(document, other)?));
    }
    Ok(files)
}

/// An object's template; `plain` is its form elsewhere than on OpenShift.
fn template(
    openshift: &Document,
    plain: Option<&Document>,
) -> Result<String, serde_yaml_ng::Error> {
    let there = text(openshift)?;
    let by_platform = match plain.map(text).transpose()? {
        Some(plain) if plain == there => there,
        Some(plain) => format!(
            "{{{{- if eq .Values.platform \"openshift\" }}}}\n{there}{{{{- else }}}}\n{plain}{{{{- end }}}}\n"
        ),
        None => format!("{{{{- if eq .Values.platform \"openshift\" }}}}\n{there}{{{{- end }}}}\n"),
    };
    Ok(match openshift.when {
        When::Always | When::NotInChart => by_platform,
        When::If(path) => format!("{{{{- if .Values.{path} }}}}\n{by_platform}{{{{- end }}}}\n"),
        When::Unless(path) => {
            format!("{{{{- if not .Values.{path} }}}}\n{by_platform}{{{{- end }}}}\n")
        }
    })
}

fn text(document: &Document) -> Result<String, serde_yaml_ng::Error> {
    let mut object = document.object.clone();
    let namespace = waits(".Release.Namespace");
    slots::fill(&mut object, &namespace, |filling| {
        waits(&match filling {
            Filling::Value(path) => format!("toJson .Values.{path}"),
            Filling::Or(path, other) => format!(".Values.{path} | default \"{other}\" | toJson"),
            Filling::Digest(path) => format!("sha256sum .Values.{path} | quote"),
        })
    });
    if document.kind() == "CustomResourceDefinition" {
        // A definition that is deleted takes all of its objects with it.
        object["metadata"]["annotations"] = json!({"helm.sh/resource-policy": "keep"});
    }
    Ok(put_expressions(&serde_yaml_ng::to_string(&object)?))
}

fn waits(expression: &str) -> Value {
    format!("{OPEN}{expression}{CLOSE}").into()
}

/// What waits becomes Helm's; quotes around a whole string go, since the expression gives its own.
fn put_expressions(yaml: &str) -> String {
    let mut text = String::with_capacity(yaml.len());
    for line in yaml.lines() {
        let line = line
            .replace(&format!("'{OPEN}"), OPEN)
            .replace(&format!("{CLOSE}'"), CLOSE);
        for (at, part) in line.split(OPEN).enumerate() {
            match at % 2 {
                0 => text += part,
                _ => text += &format!("{{{{ {part} }}}}"),
            }
        }
        text.push('\n');
    }
    text
}

fn description(version: &str) -> String {
    format!(
        "apiVersion: v2\n\
         name: kuryr\n\
         description: Pod networking on OpenStack, a Neutron port for each pod\n\
         type: application\n\
         version: {version}\n\
         appVersion: {version:?}\n\
         kubeVersion: \">=1.20.0-0\"\n"
    )
}

/// Helm stops here with a sentence where a value is missing that only the operator knows.
const MISSING: &str = r#"{{- range $image := list .Values.images.controller .Values.images.daemon }}
{{- if hasPrefix "registry.example/" $image }}
{{- fail "images.controller and images.daemon are not set: each is where you pushed the image that `cargo xtask images` made" }}
{{- end }}
{{- end }}
{{- $_ := required "config is not set: --set-file config=kuryr.conf" .Values.config }}
{{- if not .Values.existingSecret }}
{{- $_ := required "clouds is not set: --set-file clouds=clouds.yaml, or name a Secret that has clouds.yaml as existingSecret" .Values.clouds }}
{{- end }}
"#;

const NOTES: &str = r"Nodes become Ready as their daemon can serve pods:

  kubectl -n {{ .Release.Namespace }} rollout status daemonset/kuryr-daemon
  kubectl -n {{ .Release.Namespace }} rollout status deployment/kuryr-controller

Both use their nodes' network, and the daemon changes links: where Pod Security is enforced, the namespace must allow it:

  kubectl label namespace {{ .Release.Namespace }} pod-security.kubernetes.io/enforce=privileged
";
