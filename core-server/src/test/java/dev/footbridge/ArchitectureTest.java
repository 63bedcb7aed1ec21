package dev.footbridge;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.Arrays;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;

/** Imports point down: a message can be followed through the layers without turning back. */
@AnalyzeClasses(packages = "dev.footbridge", importOptions = DoNotIncludeTests.class)
class ArchitectureTest {
  private static final String ROOT = "dev.footbridge.";

  @ArchTest static final ArchRule wire_knows_nobody = onlyKnows("wire");
  @ArchTest static final ArchRule io_knows_nobody = onlyKnows("io");
  @ArchTest static final ArchRule store = onlyKnows("store", "wire", "io");
  @ArchTest static final ArchRule auth = onlyKnows("auth", "wire");
  @ArchTest static final ArchRule hub = onlyKnows("hub", "store", "wire", "io");
  @ArchTest static final ArchRule endpoint = onlyKnows("endpoint", "wire", "io");
  @ArchTest static final ArchRule session = onlyKnows("session", "endpoint", "wire", "io");

  @ArchTest
  static final ArchRule channelapi =
      onlyKnows("channelapi", "auth", "endpoint", "hub", "store", "wire", "io");

  @ArchTest
  static final ArchRule cluster =
      onlyKnows("cluster", "session", "endpoint", "hub", "store", "wire", "io");

  @ArchTest static final ArchRule http = onlyKnows("http", "session", "io", "wire");
  @ArchTest static final ArchRule stream = onlyKnows("stream", "session", "io", "wire");

  @ArchTest
  static final ArchRule websocket =
      onlyKnows("websocket", "stream", "session", "endpoint", "io", "wire", "http");

  @ArchTest
  static final ArchRule nobody_but_config_knows_node =
      noClasses()
          .that(resideOutsideOfPackages(of("node", "config")))
          .should()
          .dependOnClassesThat()
          .resideInAPackage(ROOT + "node..");

  @ArchTest
  static final ArchRule only_what_touches_connections_knows_undertow =
      noClasses()
          .that(resideOutsideOfPackages(of("io", "stream", "websocket", "http")))
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.undertow..", "org.xnio..");

  @ArchTest
  static final ArchRule packages_have_no_cycles =
      slices().matching("dev.footbridge.(**)").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule every_package_says_what_is_null =
      classes().should(resideInANullMarkedPackage());

  /** The classes of a package, and of those below it, use those of no other of ours but these. */
  private static ArchRule onlyKnows(String name, String... others) {
    String[] known = Stream.concat(Stream.of(name), Arrays.stream(others)).toArray(String[]::new);
    DescribedPredicate<JavaClass> ours = resideInAPackage("dev.footbridge..");
    return classes()
        .that()
        .resideInAPackage(ROOT + name + "..")
        .should()
        .onlyDependOnClassesThat(DescribedPredicate.not(ours).or(resideInAnyPackage(of(known))));
  }

  private static String[] of(String... names) {
    return Arrays.stream(names).map(name -> ROOT + name + "..").toArray(String[]::new);
  }

  private static ArchCondition<JavaClass> resideInANullMarkedPackage() {
    return new ArchCondition<>("reside in a package that is @NullMarked") {
      @Override
      public void check(JavaClass item, ConditionEvents events) {
        boolean marked = item.getPackage().isAnnotatedWith(NullMarked.class);
        events.add(
            new SimpleConditionEvent(
                item, marked, item.getPackageName() + " is not @NullMarked: " + item.getName()));
      }
    };
  }
}
