//! What the path of a request asks for.

/// A path below `/api` or `/apis`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApiPath {
    /// `/api`: versions of the core group.
    CoreVersions,
    /// `/apis`: all groups.
    Groups,
    /// `/apis/{group}`: one group.
    Group(String),
    /// `/api/v1` or `/apis/{group}/{version}`: the resources of a version.
    Resources {
        /// API group; "" is the core group.
        group: String,
        /// API version.
        version: String,
    },
    /// A collection or object.
    Resource(ResourcePath),
}

/// A collection, an object or a subresource of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ResourcePath {
    /// API group; "" is the core group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Namespace; "" for cluster-wide objects and for all namespaces.
    pub namespace: String,
    /// Plural of the resource.
    pub resource: String,
    /// Name of the object; "" for the collection.
    pub name: String,
    /// Subresource; "" for none.
    pub subresource: String,
    /// `/watch/` stands before the resource: the old form of `?watch=true`.
    pub watch: bool,
}

impl ApiPath {
    /// Reads a path; `None` if it is none of the API's.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match parts.as_slice() {
            ["api"] => Some(Self::CoreVersions),
            ["apis"] => Some(Self::Groups),
            ["apis", group] => Some(Self::Group((*group).to_owned())),
            ["api", version, rest @ ..] => Self::in_version("", version, rest),
            ["apis", group, version, rest @ ..] => Self::in_version(group, version, rest),
            _ => None,
        }
    }

    fn in_version(group: &str, version: &str, rest: &[&str]) -> Option<Self> {
        let (group, version) = (group.to_owned(), version.to_owned());
        if rest.is_empty() {
            return Some(Self::Resources { group, version });
        }
        let (watch, rest) = match rest {
            ["watch", rest @ ..] if !rest.is_empty() => (true, rest),
            _ => (false, rest),
        };
        let (namespace, rest) = match rest {
            // What follows a namespace is a subresource of it only for these two.
            ["namespaces", _, "status" | "finalize"] => ("", rest),
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
            _ => ("", rest),
        };
        let (resource, name, subresource) = match rest {
            [resource] => (*resource, "", ""),
            [resource, name] => (*resource, *name, ""),
            [resource, name, subresource] => (*resource, *name, *subresource),
            _ => return None,
        };
        Some(Self::Resource(ResourcePath {
            group,
            version,
            namespace: namespace.to_owned(),
            resource: resource.to_owned(),
            name: name.to_owned(),
            subresource: subresource.to_owned(),
            watch,
        }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resource(path: &str) -> ResourcePath {
        match ApiPath::parse(path).unwrap() {
            ApiPath::Resource(found) => found,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn objects_and_subresources() {
        let pod = resource("/api/v1/namespaces/n/pods/p/status");
        assert_eq!(
            (
                pod.namespace.as_str(),
                pod.resource.as_str(),
                pod.name.as_str(),
                pod.subresource.as_str()
            ),
            ("n", "pods", "p", "status")
        );
        let namespace = resource("/api/v1/namespaces/n/finalize");
        assert_eq!(
            (namespace.resource.as_str(), namespace.name.as_str()),
            ("namespaces", "n")
        );
        assert_eq!(namespace.subresource, "finalize");
        let every = resource("/apis/openstack.org/v1/kuryrports");
        assert_eq!(
            (every.group.as_str(), every.name.as_str()),
            ("openstack.org", "")
        );
        assert!(resource("/api/v1/watch/pods").watch);
    }

    #[test]
    fn discovery() {
        assert_eq!(ApiPath::parse("/api/"), Some(ApiPath::CoreVersions));
        assert_eq!(
            ApiPath::parse("/apis/apps"),
            Some(ApiPath::Group("apps".into()))
        );
        assert!(matches!(
            ApiPath::parse("/apis/apps/v1"),
            Some(ApiPath::Resources { .. })
        ));
        assert_eq!(ApiPath::parse("/metrics"), None);
    }

    proptest! {
        #[test]
        fn parsing_never_panics(path in "[/a-z]{0,40}") {
            let _ = ApiPath::parse(&path);
        }

        #[test]
        fn an_object_path_reads_back(
            group in "[a-z]{1,5}", namespace in "[a-z]{1,5}", name in "[a-z]{1,5}",
        ) {
            let path = format!("/apis/{group}/v1/namespaces/{namespace}/things/{name}");
            let found = resource(&path);
            prop_assert_eq!(found.group, group);
            prop_assert_eq!(found.namespace, namespace);
            prop_assert_eq!(found.name, name);
        }
    }
}
