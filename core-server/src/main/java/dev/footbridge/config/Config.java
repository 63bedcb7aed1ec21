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
  private final EnumMap<Setting, Long> numbers;
  private final String host;
  private final String basePath;
  private final Set<String> origins;
  private final List<ChannelRule> channels;
  private final @Nullable Path dataDir;
  private final boolean startEmpty;

  private Config(Builder builder) {
    this.numbers = new EnumMap<>(builder.numbers);
    this.host = builder.host;
    this.basePath = builder.basePath;
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
    private static final Pattern ORIGIN =
        Pattern.compile("\\*|null|[a-z][a-z0-9+.-]*://[^/?#\\s]+");

    private final EnumMap<Setting, Long> numbers = new EnumMap<>(Setting.class);
    private String host = "0.0.0.0";
    private String basePath = "";
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
      return List.of("host", "base-path", "origins", "data-dir");
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
      return config;
    }
  }
}
