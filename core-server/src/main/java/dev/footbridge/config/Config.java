package dev.footbridge.config;

import dev.footbridge.channelapi.HubLimits;
import dev.footbridge.session.SessionOptions;
import dev.footbridge.session.Sessions.SessionLimits;
import dev.footbridge.store.Retention;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A node's configuration: immutable, whole, and checked. */
public final class Config {
  /** The store of a node that is alone. */
  public static final String MEMORY = "memory";

  private final EnumMap<Setting, Long> numbers;
  private final String host;
  private final String basePath;
  private final String store;
  private final String internalHost;
  private final String advertise;
  private final Set<String> origins;
  private final List<ChannelRule> channels;
  private final @Nullable Path dataDir;
  private final boolean startEmpty;

  private Config(Builder builder) {
    this.numbers = new EnumMap<>(builder.numbers);
    this.host = builder.host;
    this.basePath = builder.basePath;
    this.store = builder.store;
    this.internalHost = builder.internalHost;
    this.advertise = builder.advertise;
    this.origins = Set.copyOf(builder.origins);
    this.channels = List.copyOf(builder.channels);
    this.dataDir = builder.dataDir;
    this.startEmpty = builder.startEmpty;
  }

  /** A builder with the defaults. */
  public static Builder builder() {
    return new Builder();
  }

  /** The value of a setting. */
  public long get(Setting setting) {
    return numbers.getOrDefault(setting, setting.standard());
  }

  /** The value of a setting whose range fits an int. */
  public int getInt(Setting setting) {
    return Math.toIntExact(get(setting));
  }

  /** The value of a setting in seconds, as nanoseconds. */
  public long seconds(Setting setting) {
    return TimeUnit.SECONDS.toNanos(get(setting));
  }

  /** The address to listen on. */
  public String host() {
    return host;
  }

  /** What all paths begin with: empty, or {@code /something}. */
  public String basePath() {
    return basePath;
  }

  /** Where channels and sessions are kept: {@code memory}, or the URL of a Redis. */
  public String store() {
    return store;
  }

  /** Whether several nodes may share the store. */
  public boolean isShared() {
    return !store.equals(MEMORY);
  }

  /** The address to listen on for other nodes; empty takes the one that leads to the store. */
  public String internalHost() {
    return internalHost;
  }

  /** {@code host:port} at which other nodes find this one; empty where it listens. */
  public String advertise() {
    return advertise;
  }

  /** Where what the node holds is kept while it does not run; null for nowhere. */
  public @Nullable Path dataDir() {
    return dataDir;
  }

  /** Whether to begin with nothing where what was kept is damaged. */
  public boolean startEmpty() {
    return startEmpty;
  }

  /** Origins that may use this server besides its own. */
  public Set<String> origins() {
    return origins;
  }

  /** What a channel keeps: by the first rule that matches its name, else the defaults. */
  public Retention retention(String channel) {
    for (ChannelRule rule : channels) {
      if (rule.matches(channel)) {
        return rule.retention();
      }
    }
    return standardRetention();
  }

  private Retention standardRetention() {
    return new Retention(
        getInt(Setting.HISTORY_COUNT),
        get(Setting.HISTORY_BYTES),
        seconds(Setting.HISTORY_AGE_SECONDS));
  }

  /** What all sessions have in common. */
  public SessionOptions sessionOptions() {
    return new SessionOptions(
        getInt(Setting.SESSION_BUFFER_BYTES),
        getInt(Setting.LIMITS_MESSAGE_BYTES),
        getInt(Setting.LIMITS_BATCH_BYTES),
        seconds(Setting.SESSION_TTL_SECONDS),
        seconds(Setting.SESSION_PING_SECONDS),
        TimeUnit.MILLISECONDS.toNanos(get(Setting.SESSION_WINDOW_MILLIS)));
  }

  /** How many sessions there may be. */
  public SessionLimits sessionLimits() {
    return new SessionLimits(
        getInt(Setting.LIMITS_SESSIONS), getInt(Setting.LIMITS_SESSIONS_PER_ADDRESS));
  }

  /** What one session may ask of the hub. */
  public HubLimits hubLimits() {
    return new HubLimits(
        getInt(Setting.LIMITS_CHANNELS_PER_SESSION),
        getInt(Setting.LIMITS_PROCEDURES_PER_SESSION),
        getInt(Setting.LIMITS_CALLS_PER_SESSION),
        getInt(Setting.LIMITS_PUBLISH_PER_SECOND),
        getInt(Setting.LIMITS_PUBLISH_BURST),
        getInt(Setting.LIMITS_ANSWER_MESSAGES),
        getInt(Setting.LIMITS_ANSWER_BYTES));
  }

  /** Gathers settings; each is checked when it is set. Not thread-safe. */
  public static final class Builder {
    private static final Pattern BASE_PATH = Pattern.compile("(/[A-Za-z0-9_.~-]+)*");
    private static final Pattern STORE =
        Pattern.compile("rediss?(-sentinel|-cluster)?://[^\\s]+", Pattern.CASE_INSENSITIVE);
    private static final Pattern ADVERTISE =
        Pattern.compile("([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+]):[0-9]{1,5}");
    private static final Pattern ORIGIN =
        Pattern.compile("\\*|null|[a-z][a-z0-9+.-]*://[^/?#\\s]+");

    private final EnumMap<Setting, Long> numbers = new EnumMap<>(Setting.class);
    private String host = "0.0.0.0";
    private String basePath = "";
    private String store = MEMORY;
    private String internalHost = "";
    private String advertise = "";
    private final Set<String> origins = new LinkedHashSet<>();
    private final List<ChannelRule> channels = new ArrayList<>();
    private @Nullable Path dataDir;
    private boolean startEmpty;

    private Builder() {}

    /**
     * Sets a number.
     *
     * @throws ConfigException where it is out of range
     */
    public Builder set(Setting setting, long value) {
      numbers.put(setting, setting.check(value));
      return this;
    }

    /** The address to listen on; all of them by default. */
    public Builder host(String address) {
      if (address.isBlank()) {
        throw new ConfigException("\"host\" is empty; it must be an address such as 127.0.0.1.");
      }
      this.host = address;
      return this;
    }

    /** What all paths begin with: empty by default, or {@code /something}. */
    public Builder basePath(String path) {
      if (!BASE_PATH.matcher(path).matches()) {
        throw new ConfigException(
            "\"base-path\" is \"" + path + "\"; it must be empty or such as /realtime.");
      }
      this.basePath = path;
      return this;
    }

    /**
     * Where channels and sessions are kept: {@code memory}, which is the default, or the URL of a
     * Redis that several nodes share.
     */
    public Builder store(String url) {
      if (!url.equals(MEMORY) && !STORE.matcher(url).matches()) {
        // The value is not repeated: it may hold a password.
        throw new ConfigException(
            "\"store\" must be memory, or a URL such as redis://127.0.0.1:6379,"
                + " redis-sentinel://host1,host2#name or redis-cluster://host1,host2.");
      }
      this.store = url;
      return this;
    }

    /** The address to listen on for other nodes. */
    public Builder internalHost(String address) {
      this.internalHost = address;
      return this;
    }

    /** {@code host:port} at which other nodes find this one, if that is not where it listens. */
    public Builder advertise(String hostAndPort) {
      if (!ADVERTISE.matcher(hostAndPort).matches()) {
        throw new ConfigException(
            "\"advertise\" is \"" + hostAndPort + "\"; it must be such as 10.0.0.5:9080.");
      }
      this.advertise = hostAndPort;
      return this;
    }

    /**
     * Allows pages of another origin, such as {@code https://example.org}; {@code *} allows all.
     */
    public Builder origin(String origin) {
      if (!ORIGIN.matcher(origin.toLowerCase(Locale.ROOT)).matches()) {
        throw new ConfigException(
            "\"origins\" has \""
                + origin
                + "\"; an origin is such as https://example.org, without a path, or *.");
      }
      origins.add(origin);
      return this;
    }

    /** Where what the node holds is kept while it does not run: nowhere by default. */
    public Builder dataDir(String directory) {
      try {
        this.dataDir = directory.isBlank() ? null : Path.of(directory);
      } catch (InvalidPathException e) {
        throw new ConfigException(
            "\"data-dir\" is \"" + directory + "\"; it must be a directory's path.");
      }
      return this;
    }

    /** Begins with nothing where what was kept is damaged. */
    public Builder startEmpty(boolean yes) {
      this.startEmpty = yes;
      return this;
    }

    /** What channels of certain names keep; the first rule that matches a channel counts. */
    public Builder channels(ChannelRule rule) {
      channels.add(rule);
      return this;
    }

    /**
     * Sets any setting from text, as it comes from a file, a variable or a flag.
     *
     * @param key as in the YAML file
     * @throws ConfigException where there is no such setting or the value cannot be used
     */
    public Builder set(String key, String value) {
      switch (key) {
        case "host" -> host(value);
        case "base-path" -> basePath(value);
        case "store" -> store(value);
        case "internal-host" -> internalHost(value);
        case "advertise" -> advertise(value);
        case "data-dir" -> dataDir(value);
        case "origins" -> {
          for (String origin : value.split(",", -1)) {
            if (!origin.isBlank()) {
              origin(origin.trim());
            }
          }
        }
        default -> setNumber(key, value);
      }
      return this;
    }

    private void setNumber(String key, String value) {
      Setting setting = Setting.of(key);
      if (setting == null) {
        throw new ConfigException("There is no setting \"" + key + "\".");
      }
      try {
        set(setting, Long.parseLong(value.trim().replace("_", "")));
      } catch (NumberFormatException notANumber) {
        throw new ConfigException(
            "\""
                + key
                + "\" is \""
                + value
                + "\"; it must be a whole number from "
                + setting.least()
                + " to "
                + setting.most()
                + ".");
      }
    }

    /**
     * Sets what the environment says: {@code FOOTBRIDGE_LIMITS_MESSAGE_BYTES} and so on.
     *
     * @throws ConfigException where a value cannot be used
     */
    public Builder environment(Map<String, String> variables) {
      for (String key : textKeys()) {
        String value = variables.get(Setting.variable(key));
        if (value != null) {
          set(key, value);
        }
      }
      for (Setting setting : Setting.values()) {
        String value = variables.get(setting.variable());
        if (value != null) {
          set(setting.key(), value);
        }
      }
      return this;
    }

    /** The keys whose values are no numbers. */
    public static List<String> textKeys() {
      return List.of(
          "host", "base-path", "store", "internal-host", "advertise", "origins", "data-dir");
    }

    /**
     * Concludes and checks the whole.
     *
     * @throws ConfigException where two settings do not fit each other
     */
    public Config build() {
      Config config = new Config(this);
      if (config.get(Setting.LIMITS_BATCH_BYTES) < config.get(Setting.LIMITS_MESSAGE_BYTES)) {
        throw new ConfigException(
            "\"limits.batch-bytes\" is smaller than \"limits.message-bytes\"; it must be as large"
                + " at least.");
      }
      if (config.isShared() && config.dataDir() != null) {
        throw new ConfigException(
            "\"data-dir\" is for the store memory; with a Redis nothing is kept on this machine.");
      }
      return config;
    }
  }
}
