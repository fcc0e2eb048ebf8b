//! The table of routes, read from the spec: which paths there are, with which methods and query
//! parameters. It refuses what the framework would let pass, and bounds the labels of metrics.

use std::collections::HashSet;

use poem::{Request, http::Method};
use serde_json::Value;

use crate::problem::{Kind, Problem};

/// Routes beside the API, which the spec does not tell of.
const PAGES: [(&str, &str); 3] =
    [("/", "getRoot"), ("/docs", "getDocs"), ("/openapi.json", "getSpec")];

/// Every route.
pub(crate) struct Operations(Vec<Path>);

struct Path {
    /// `None` stands for a parameter.
    segments: Vec<Option<String>>,
    operations: Vec<Operation>,
}

/// One method of one path.
pub(crate) struct Operation {
    method: Method,
    /// Its `operationId`.
    pub id: String,
    query: Vec<QueryParam>,
    /// Whether a body belongs to it.
    pub takes_body: bool,
}

struct QueryParam {
    name: String,
    repeatable: bool,
}

impl Operations {
    /// Those of a spec.
    pub(crate) fn of_spec(spec: &Value) -> Self {
        let documented = spec["paths"].as_object().into_iter().flatten().map(|(path, item)| {
            let operations = item.as_object().into_iter().flatten();
            let operations = operations.filter_map(|(method, it)| Operation::of_spec(method, it));
            Path { segments: segments(path), operations: operations.collect() }
        });
        let pages = PAGES.into_iter().map(|(path, id)| Path {
            segments: segments(path),
            operations: vec![Operation {
                method: Method::GET,
                id: id.into(),
                query: Vec::new(),
                takes_body: false,
            }],
        });
        let mut paths: Vec<Path> = documented.chain(pages).collect();
        // A fixed segment wins over a parameter, as it does in the router.
        paths.sort_by_key(|path| path.segments.iter().map(Option::is_none).collect::<Vec<_>>());
        Self(paths)
    }

    /// The id of every operation.
    #[cfg(test)]
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|path| &path.operations).map(|operation| operation.id.as_str())
    }

    /// The operation that a request asks for, once its method and query parameters are right.
    pub(crate) fn find(&self, request: &Request) -> Result<&Operation, Problem> {
        let asked: Vec<&str> = request.uri().path().split('/').skip(1).collect();
        let path = self.0.iter().find(|path| path.matches(&asked)).ok_or_else(|| {
            Problem::new(Kind::NotFound, "There is no such path: GET /docs lists what there is.")
        })?;
        let operation = path.operation(request.method()).ok_or_else(|| path.refuse())?;
        operation.check_query(request.uri().query().unwrap_or_default())?;
        Ok(operation)
    }
}

impl Path {
    fn matches(&self, asked: &[&str]) -> bool {
        let fits = |(segment, asked): (&Option<String>, &&str)| match segment {
            Some(fixed) => fixed == asked,
            None => !asked.is_empty(),
        };
        self.segments.len() == asked.len() && self.segments.iter().zip(asked).all(fits)
    }

    fn operation(&self, method: &Method) -> Option<&Operation> {
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        self.operations.iter().find(|operation| operation.method == *method)
    }

    fn refuse(&self) -> Problem {
        let mut allowed: Vec<&str> = self.operations.iter().map(|it| it.method.as_str()).collect();
        if allowed.contains(&"GET") {
            allowed.push("HEAD");
        }
        let allow = allowed.join(", ");
        let detail = format!("This path knows {allow} alone.");
        Problem { allow: Some(allow), ..Problem::new(Kind::MethodNotAllowed, detail) }
    }
}

impl Operation {
    fn of_spec(method: &str, operation: &Value) -> Option<Self> {
        let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).ok()?;
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let query =
            parameters.filter(|parameter| parameter["in"] == "query").map(|parameter| QueryParam {
                name: parameter["name"].as_str().unwrap_or_default().to_owned(),
                repeatable: parameter["schema"]["type"] == "array",
            });
        let id = operation["operationId"].as_str()?.to_owned();
        let takes_body = operation["requestBody"].is_object();
        Some(Self { method, id, query: query.collect(), takes_body })
    }

    fn check_query(&self, query: &str) -> Result<(), Problem> {
        let mut seen = HashSet::new();
        for (name, _) in form_urlencoded::parse(query.as_bytes()) {
            let Some(known) = self.query.iter().find(|known| known.name == name) else {
                return Err(Problem::invalid(name, "there is no such query parameter here"));
            };
            if !seen.insert(&known.name) && !known.repeatable {
                return Err(Problem::invalid(name, "this query parameter may stand only once"));
            }
        }
        Ok(())
    }
}

fn segments(path: &str) -> Vec<Option<String>> {
    let segment = |it: &str| (!it.starts_with('{')).then(|| it.to_owned());
    path.split('/').skip(1).map(segment).collect()
}
