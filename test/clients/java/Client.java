import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * java.net.http: `java Client.java default|1.1` reads cells from standard input and prints what it saw. The default asks
 * for an upgrade to HTTP/2 with each request. One client for all cells, so that connections are kept.
 */
public class Client {
  static final int SECONDS = 5;

  public static void main(String[] args) throws Exception {
    var builder = HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NEVER);
    if (args[0].equals("1.1")) builder.version(HttpClient.Version.HTTP_1_1);
    HttpClient client = builder.build();
    var lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) run(client, line.split("\t", -1));
    System.exit(0);
  }

  static void run(HttpClient client, String[] cell) throws Exception {
    CompletableFuture<HttpResponse<byte[]>> call = client.sendAsync(requestOf(cell), BodyHandlers.ofByteArray());
    try {
      var response = call.get(SECONDS, TimeUnit.SECONDS);
      say(cell, "status", response.statusCode());
      response.headers().map().forEach((name, values) -> say(cell, "header " + name.toLowerCase(), String.join(" | ", values)));
      byte[] body = response.body();
      say(cell, "body", body.length < 300 ? new String(body) : sum(body));
    } catch (TimeoutException error) {
      say(cell, "error", "timed out");
      call.cancel(true);
    } catch (Exception error) {
      say(cell, "error", error.getCause() instanceof HttpTimeoutException ? "timed out" : "failed");
    }
  }

  /** The Host is set by hand: the app sends everything to its sidecar. */
  static HttpRequest requestOf(String[] cell) {
    List<String> flags = List.of(cell[6].split(","));
    var request = HttpRequest.newBuilder(URI.create(cell[3])).header("Host", cell[4]);
    for (String header : Arrays.copyOfRange(cell, 7, cell.length)) {
      int at = header.indexOf('=');
      request.header(header.substring(0, at), header.substring(at + 1));
    }
    if (flags.contains("expect")) request.expectContinue(true);
    return request.method(cell[2], bodyOf(cell[5], flags.contains("chunked"))).build();
  }

  static BodyPublisher bodyOf(String size, boolean chunked) {
    if (size.isEmpty()) return BodyPublishers.noBody();
    byte[] body = "x".repeat(Integer.parseInt(size)).getBytes();
    BodyPublisher known = BodyPublishers.ofByteArray(body);
    return chunked ? BodyPublishers.fromPublisher(known) : known;
  }

  static String sum(byte[] body) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(body));
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }

  static void say(String[] cell, String field, Object value) {
    System.out.println(String.join("\t", cell[0], cell[1], field, value.toString().replaceAll("[\t\r\n]", " ")));
  }
}
