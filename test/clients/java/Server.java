import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.Executors;

/** The JDK's own server: `java Server.java <address>` listens on 8020. */
public class Server {
  public static void main(String[] args) throws IOException {
    HttpServer server = HttpServer.create(new InetSocketAddress(args[0], 8020), 0);
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext("/", Server::handle);
    server.start();
    System.out.println("{\"ready\":true}");
  }

  static void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      exchange.getResponseHeaders().set("X-App", "java");
      exchange.getResponseHeaders().set("Content-Type", "text/plain");
      answer(exchange);
    } catch (Exception error) {
      throw new IOException(error);
    }
  }

  static void answer(HttpExchange exchange) throws Exception {
    switch (exchange.getRequestURI().getPath()) {
      case "/plain" -> say(exchange, 200, "hello\n");
      case "/chunked" -> chunked(exchange);
      case "/empty" -> exchange.sendResponseHeaders(204, -1);
      case "/same" -> say(exchange, 304, "", "ETag", "\"v1\"");
      case "/error" -> say(exchange, 500, "it failed\n");
      case "/moved" -> say(exchange, 302, "", "Location", "/plain");
      case "/cookies" -> say(exchange, 200, "", "Set-Cookie", "a=1", "Set-Cookie", "b=2; Path=/");
      case "/many" -> say(exchange, 200, "", "X-Many", "one", "X-Many", "two");
      case "/big" -> say(exchange, 200, "0123456789abcdef".repeat(65536));
      case "/refuse" -> say(exchange, 417, "");
      case "/broken" -> begin(exchange, 100);
      case "/echo" -> echo(exchange);
      default -> say(exchange, 404, "");
    }
  }

  static void say(HttpExchange exchange, int status, String body, String... headers) throws IOException {
    for (int at = 0; at < headers.length; at += 2) exchange.getResponseHeaders().add(headers[at], headers[at + 1]);
    boolean none = body.isEmpty() || exchange.getRequestMethod().equals("HEAD");
    exchange.sendResponseHeaders(status, none ? -1 : body.length());
    if (!none) exchange.getResponseBody().write(body.getBytes());
  }

  static void chunked(HttpExchange exchange) throws IOException {
    boolean none = exchange.getRequestMethod().equals("HEAD");
    exchange.sendResponseHeaders(200, none ? -1 : 0);
    if (none) return;
    for (String part : List.of("one\n", "two\n")) {
      exchange.getResponseBody().write(part.getBytes());
      exchange.getResponseBody().flush();
    }
    exchange.getResponseBody().close();
  }

  /** An answer that is never ended: the server closes the connection when a handler fails. */
  static void begin(HttpExchange exchange, long length) throws IOException {
    exchange.sendResponseHeaders(200, length);
    exchange.getResponseBody().write("one\n".getBytes());
    exchange.getResponseBody().flush();
    throw new IOException("broken off");
  }

  /** Says what of the request came. */
  static void echo(HttpExchange exchange) throws Exception {
    byte[] body = exchange.getRequestBody().readAllBytes();
    String sum = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(body), 0, 6);
    var headers = exchange.getRequestHeaders();
    say(exchange, 200, exchange.getRequestMethod() + " " + exchange.getRequestURI()
        + " body=" + body.length + " " + sum + " type=" + headers.getFirst("Content-Type")
        + " test=" + String.join("|", headers.getOrDefault("X-Test", List.of()))
        + " agent=" + headers.containsKey("User-Agent") + "\n", "X-Host", headers.getFirst("Host"));
  }
}
