package chatmetric.compat;

import com.google.gson.Gson;
import com.google.gson.annotations.SerializedName;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A running instance, and the cases on it, as ../python/fixture.py describes them. */
final class Fixture implements AutoCloseable {
    private static final long STOP_TIMEOUT_S = 30;

    String scheme;
    String endpoint;
    @SerializedName("ca_file")
    String caFile;
    Map<String, List<String>> keys;
    List<Case> cases;
    private transient Process process;

    /** What is tried and what must come out. */
    static final class Case {
        String column;
        String name;
        String key;
        Map<String, Object> parameters;
        List<List<Object>> rows;
        Refused refused;
        Map<String, String> detail = Map.of();
        int calls;
        @SerializedName("clock_s")
        int clockS;
    }

    /** The error that must be told. */
    static final class Refused {
        String code;
        int status;
        String message;
    }

    static Fixture start(String scheme) throws IOException {
        Process process = new ProcessBuilder("python3", "fixture.py", scheme)
                .directory(Path.of("../python").toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        BufferedReader output = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        String line = output.readLine();
        if (line == null) {
            throw new IOException("there is no instance; its reason is above");
        }
        Fixture fixture = Json.GSON.fromJson(line, Fixture.class);
        fixture.process = process;
        return fixture;
    }

    @Override
    public void close() throws IOException, InterruptedException {
        process.getOutputStream().close();
        if (!process.waitFor(STOP_TIMEOUT_S, TimeUnit.SECONDS) || process.exitValue() != 0) {
            process.destroyForcibly();
            throw new AssertionError("the instance did not end well");
        }
    }

    /** Numbers stay as they were written: rows are compared as text. */
    static final class Json {
        static final Gson GSON = new com.google.gson.GsonBuilder()
                .setObjectToNumberStrategy(com.google.gson.ToNumberPolicy.LAZILY_PARSED_NUMBER)
                .create();

        private Json() {
        }
    }
}
