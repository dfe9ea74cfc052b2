//! That both documents are complete, well-formed and say the same.

use super::*;
use serde_json::Value;

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("is JSON")
}

#[test]
fn every_operation_is_in_both_documents_with_its_parameters() {
    let openapi = parsed(openapi().as_bytes());
    for product in Product::ALL {
        let docs = parsed(&api_docs(product, "127.0.0.1:8080"));
        assert_eq!(docs["info"]["product"], product.name());
        let apis = docs["apis"].as_object().expect("an object");
        assert_eq!(apis.len(), operations(product).count());
        for spec in operations(product) {
            let api = &apis[spec.name];
            let path = &openapi["paths"][format!("/#Action={}", spec.name)];
            let names = |list: &Value| -> Vec<String> {
                let list = list.as_array().cloned().unwrap_or_default();
                list.iter().map(|item| item["name"].to_string()).collect()
            };
            assert_eq!(names(&api["parameters"]), names(&path["get"]["parameters"]));
            assert_eq!(
                api["parameters"].as_array().map(Vec::len),
                Some(spec.parameters.len())
            );
            let answer = &api["responses"]["200"]["schema"]["properties"];
            assert_eq!(
                answer.as_object().map(serde_json::Map::len),
                Some(spec.answer.len())
            );
            let declared: usize = api["errorCodes"]
                .as_object()
                .into_iter()
                .flat_map(|errors| errors.values())
                .map(|errors| errors.as_array().map_or(0, Vec::len))
                .sum();
            assert_eq!(
                declared,
                spec.errors.len(),
                "a status without a place: {}",
                spec.name
            );
            let demo: Value =
                serde_json::from_str(api["responseDemo"].as_str().expect("a text")).expect("JSON");
            let example = demo[0]["example"].as_str().expect("a text");
            assert!(parsed(example.as_bytes()).is_object());
        }
    }
}

#[test]
fn the_metric_operation_is_as_the_vendor_describes_it() {
    let docs = parsed(&api_docs(Product::Cams, "127.0.0.1:8080"));
    let api = &docs["apis"]["GetChatappPhoneNumberMetric"];
    let schema = |name: &str| {
        let list = api["parameters"].as_array().expect("a list");
        let found = list.iter().find(|parameter| parameter["name"] == name);
        found.expect("there")["schema"].clone()
    };
    assert_eq!(schema("Start")["format"], "int64");
    assert_eq!(schema("Start")["required"], true);
    assert_eq!(schema("Granularity")["default"], "DAILY");
    assert_eq!(schema("PhoneNumber")["required"], false);
    let row = &api["responses"]["200"]["schema"]["properties"]["Data"]["items"]["properties"];
    assert_eq!(row["SentCount"]["format"], "int32");
    assert_eq!(row["End"]["format"], "int64");
    assert_eq!(api["errorCodes"]["400"].as_array().map(Vec::len), Some(4));
    assert_eq!(docs["endpoints"][0]["endpoint"], "127.0.0.1:8080");
}

#[test]
fn paths_name_a_product_with_its_version() {
    let path = |product: &str, version: &str| {
        product_of_path(&format!(
            "/meta/v1/products/{product}/versions/{version}/api-docs.json"
        ))
    };
    assert_eq!(path("cams", "2020-06-06"), Some(Product::Cams));
    assert_eq!(path("Cams", "2020-06-06"), Some(Product::Cams));
    assert_eq!(path("sts", "2015-04-01"), Some(Product::Sts));
    assert_eq!(path("cams", "2015-04-01"), None);
    assert_eq!(path("ecs", "2014-05-26"), None);
    assert_eq!(product_of_path("/meta/v1/products/cams"), None);
}

#[test]
fn what_the_host_header_says_is_only_text() {
    let docs = parsed(&api_docs(Product::Cams, "evil\",\"x\":\"</script>"));
    assert_eq!(docs["endpoints"][0]["endpoint"], "evil\",\"x\":\"</script>");
    assert!(docs["endpoints"][0].get("x").is_none());
}
