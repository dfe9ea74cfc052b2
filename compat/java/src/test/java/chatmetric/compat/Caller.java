package chatmetric.compat;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Map;

/** One way in which one SDK can call. */
interface Caller {
    String METRIC = "GetChatappPhoneNumberMetric";
    String VERSION = "2020-06-06";

    String artifact();

    String signature();

    String way();

    /** Whether the SDK hands the HTTP status of an error on. */
    default boolean tellsStatus() {
        return true;
    }

    /**
     * The answer's body in the names of the wire.
     *
     * @throws Failure when the SDK reported an error with an exception of its own
     */
    Map<String, Object> call(Fixture on, Fixture.Case test) throws Exception;

    /** The time that a client writes whose clock is off by so many seconds. */
    static String stamp(int offsetS) {
        return DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss'Z'")
                .withZone(ZoneOffset.UTC)
                .format(Instant.now().plusSeconds(offsetS));
    }

    /** An error as the SDK reported it. */
    final class Failure extends Exception {
        private static final long serialVersionUID = 1L;
        final String code;
        final Integer status;
        final String requestId;
        final transient Map<String, Object> detail;

        Failure(String code, Integer status, String message, String requestId, Map<String, Object> detail, Throwable cause) {
            super(message, cause);
            this.code = code;
            this.status = status;
            this.requestId = requestId;
            this.detail = detail;
        }
    }
}
