package chatmetric.compat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.aliyun.core.http.HttpMethod;
import com.aliyun.sdk.gateway.pop.auth.SignatureAlgorithm;
import com.aliyun.sdk.gateway.pop.auth.SignatureVersion;
import com.aliyuncs.http.MethodType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;

/** Every case with every way to call. */
class MatrixTest {
    /** A little more than the rolling second of the throttle. */
    private static final long WINDOW_PAUSE_MS = 1_050;
    private static final long WINDOW_MS = 1_000;
    private static final int THROTTLE_TRIES = 3;
    private static final String REQUEST_ID = "[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}";

    private static final List<Caller> CALLERS = List.of(
            new TeaCaller("generic POST", "POST", null),
            new TeaCaller("generic GET", "GET", null),
            new TeaCaller("generic SM3", "POST", "ACS3-HMAC-SM3"),
            new TeaCaller("generic V1 POST", "POST", "v2"),
            new TeaCaller("generic V1 GET", "GET", "v2"),
            new AsyncCaller("async POST", HttpMethod.POST, SignatureVersion.V3, SignatureAlgorithm.ACS3_HMAC_SHA256),
            new AsyncCaller("async GET", HttpMethod.GET, SignatureVersion.V3, SignatureAlgorithm.ACS3_HMAC_SHA256),
            new AsyncCaller("async SM3", HttpMethod.POST, SignatureVersion.V3, SignatureAlgorithm.ACS3_HMAC_SM3),
            new AsyncCaller("async V1 POST", HttpMethod.POST, SignatureVersion.V1, null),
            new AsyncCaller("async V1 GET", HttpMethod.GET, SignatureVersion.V1, null),
            new CoreCaller("CommonRequest POST", MethodType.POST, com.aliyuncs.auth.SignatureVersion.V1),
            new CoreCaller("CommonRequest GET", MethodType.GET, com.aliyuncs.auth.SignatureVersion.V1),
            new CoreCaller("CommonRequest V3", MethodType.POST, com.aliyuncs.auth.SignatureVersion.V3));

    private Fixture fixture;

    @AfterEach
    void stop() throws Exception {
        fixture.close();
    }

    @TestFactory
    Stream<DynamicNode> http() throws IOException {
        return matrix("http");
    }

    @TestFactory
    Stream<DynamicNode> https() throws IOException {
        return matrix("https");
    }

    private Stream<DynamicNode> matrix(String scheme) throws IOException {
        fixture = Fixture.start(scheme);
        Fixture on = fixture;
        return CALLERS.stream().map(caller -> dynamicContainer(
                caller.artifact() + " " + caller.way(),
                on.cases.stream().map(test -> dynamicTest(test.column + ": " + test.name, () -> run(on, caller, test)))));
    }

    private static void run(Fixture on, Caller caller, Fixture.Case test) throws Exception {
        boolean passed = false;
        try {
            if (test.calls > 0) {
                throttled(on, caller, test);
            } else if (test.refused != null) {
                checkRefusal(caller, test, assertThrows(Caller.Failure.class, () -> caller.call(on, test)));
            } else {
                checkAnswer(test, caller.call(on, test));
            }
            passed = true;
        } finally {
            record(on, caller, test, passed);
        }
    }

    private static void checkAnswer(Fixture.Case test, Map<String, Object> body) {
        assertEquals("OK", body.get("Code"));
        assertEquals("None", body.get("Message"));
        assertEquals("NONE", body.get("AccessDeniedDetail"));
        assertTrue(String.valueOf(body.get("RequestId")).matches(REQUEST_ID));
        Object granularity = test.parameters.getOrDefault("Granularity", "");
        List<List<String>> found = new ArrayList<>();
        for (Object element : (List<?>) body.get("Data")) {
            Map<?, ?> row = (Map<?, ?>) element;
            found.add(Stream.of("Start", "End", "PhoneNumber", "SentCount", "DeliveredCount")
                    .map(name -> text(row.get(name)))
                    .toList());
            assertEquals(granularity.equals("") ? "DAILY" : granularity, row.get("Granularity"));
        }
        assertEquals(test.rows.stream().map(row -> row.stream().map(MatrixTest::text).toList()).toList(), found);
    }

    /** Numbers as the wire writes them, whatever type the SDK gave them. */
    private static String text(Object value) {
        return value instanceof Double number ? String.format("%.0f", number) : String.valueOf(value);
    }

    private static void checkRefusal(Caller caller, Fixture.Case test, Caller.Failure failure) {
        assertEquals(test.refused.code, failure.code);
        if (caller.tellsStatus()) {
            assertEquals(test.refused.status, failure.status);
        }
        assertTrue(failure.getMessage().contains(test.refused.message), failure.getMessage());
        assertTrue(failure.requestId.matches(REQUEST_ID), failure.requestId);
        test.detail.forEach((name, value) -> assertEquals(value, failure.detail.get(name)));
    }

    /** The calls that are still allowed and one more, within a second. */
    private static void throttled(Fixture on, Caller caller, Fixture.Case test) throws Exception {
        for (int tries = 0; tries < THROTTLE_TRIES; tries++) {
            Thread.sleep(WINDOW_PAUSE_MS);
            long started = System.nanoTime();
            for (int count = 0; count < test.calls; count++) {
                caller.call(on, test);
            }
            Caller.Failure failure = null;
            try {
                caller.call(on, test);
            } catch (Caller.Failure refused) {
                failure = refused;
            }
            if ((System.nanoTime() - started) / 1_000_000 < WINDOW_MS) {
                assertTrue(failure != null, "one call too many was answered");
                checkRefusal(caller, test, failure);
                return;
            }
        }
        fail("the machine was too slow for this case");
    }

    /** Appends one result for the table in COMPATIBILITY.md. */
    private static void record(Fixture on, Caller caller, Fixture.Case test, boolean passed) throws IOException {
        String path = System.getenv("CHATMETRIC_COMPAT_RESULTS");
        if (path == null) {
            return;
        }
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("language", "Java");
        line.put("sdk", "com.aliyun:" + caller.artifact());
        line.put("version", System.getProperty("version." + caller.artifact()));
        line.put("signature", caller.signature());
        line.put("way", caller.way());
        line.put("scheme", on.scheme);
        line.put("case", test.column);
        line.put("pass", passed);
        Files.writeString(
                Path.of(path),
                Fixture.Json.GSON.toJson(line) + "\n",
                StandardOpenOption.CREATE,
                StandardOpenOption.APPEND);
    }
}
