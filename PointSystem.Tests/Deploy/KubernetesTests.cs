using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using PointSystem.Api.Caching;
using PointSystem.Api.Configuration;
using PointSystem.Api.Jobs;
using PointSystem.Api.Persistence;
using PointSystem.Api.Security;
using PointSystem.Gateway;
using PointSystem.Local.Sidecar;
using PointSystem.Locking;
using PointSystem.Notifications;
using PointSystem.Notifications.Feed;
using PointSystem.Notifications.Sending;
using PointSystem.ServiceDefaults;

namespace PointSystem.Tests.Deploy;

/// <summary>The manifests agree with the service and with the files whose values they repeat.</summary>
public sealed class KubernetesTests
{
    private static readonly string Root = Path.Combine(BuildOutputs.Repository, "deploy", "kubernetes");
    private static readonly string Base = Path.Combine(Root, "base");
    private static readonly JsonNode Deployment = Yaml.Load(Path.Combine(Base, "deployment.yaml")).Single();
    private static readonly JsonNode Pod = Deployment["spec"]!["template"]!;
    private static readonly JsonNode Container = Pod["spec"]!["containers"].Items().Single();

    public static TheoryData<string> Kustomizations =>
        new(Directory.EnumerateFiles(Root, "kustomization.yaml", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Root, Path.GetDirectoryName(file)!)));

    [Theory]
    [MemberData(nameof(Kustomizations))]
    public void Kustomization_Resources_AreTheManifestsOfItsFolder(string folder)
    {
        var directory = Path.Combine(Root, folder);
        var kustomization = Yaml.Load(Path.Combine(directory, "kustomization.yaml")).Single();
        var listed = kustomization["resources"].Items().Concat(kustomization["components"].Items()).Select(item => item.GetValue<string>()).ToList();

        Assert.All(listed, entry =>
        {
            var path = Path.Combine(directory, entry);
            Assert.True(File.Exists(path) || File.Exists(Path.Combine(path, "kustomization.yaml")), entry);
        });
        var beside = Directory.EnumerateFiles(directory, "*.yaml").Select(Path.GetFileName).Where(name => name != "kustomization.yaml");
        Assert.Empty(beside.Except(listed));
    }

    [Fact]
    public void Manifests_All_AreNamedObjectsWithoutSecrets()
    {
        var files = Directory.EnumerateFiles(Root, "*.yaml", SearchOption.AllDirectories)
            .Where(file => Path.GetFileName(file) != "kustomization.yaml").ToList();

        Assert.True(files.Count > 10, "The manifests were not found.");
        Assert.All(files.SelectMany(Yaml.Load), manifest =>
        {
            Assert.NotEmpty(manifest.Text("apiVersion"));
            Assert.NotEmpty(manifest.Text("metadata", "name"));
            Assert.NotEqual("Secret", manifest.Text("kind"));
        });
    }

    [Fact]
    public void Probes_Paths_AreThoseOfTheApi()
    {
        Assert.Equal(Extensions.LivePath, Container.Text("startupProbe", "httpGet", "path"));
        Assert.Equal(Extensions.LivePath, Container.Text("livenessProbe", "httpGet", "path"));
        Assert.Equal(Extensions.ReadyPath, Container.Text("readinessProbe", "httpGet", "path"));
        Assert.Equal("http", Container["ports"].Items().Single().Text("name"));
        Assert.Equal(Settings()["ASPNETCORE_HTTP_PORTS"], Container["ports"].Items().Single().Text("containerPort"));
        var monitor = Yaml.Load(Path.Combine(Root, "components", "monitoring", "pod-monitor.yaml")).Single();
        Assert.Equal(TelemetryOptions.MetricsPath, monitor["spec"]!["podMetricsEndpoints"].Items().Single().Text("path"));
    }

    [Fact]
    public void Gateway_Manifests_ConnectTheIngressToTheReplicas()
    {
        var objects = Yaml.Load(Path.Combine(Base, "gateway.yaml")).ToDictionary(manifest => manifest.Text("kind"));
        var gateway = objects["Deployment"]["spec"]!["template"]!["spec"]!["containers"].Items().Single();
        var environment = gateway["env"].Items().ToDictionary(variable => ConfigKey(variable.Text("name")), variable => (string?)variable.Text("value"));
        Assert.Equal(environment["ASPNETCORE_HTTP_PORTS"], gateway["ports"].Items().Single().Text("containerPort"));
        Assert.Equal(Extensions.LivePath, gateway.Text("livenessProbe", "httpGet", "path"));
        Assert.Equal(Extensions.ReadyPath, gateway.Text("readinessProbe", "httpGet", "path"));
        Assert.Equal(Extensions.ReadyPath, Container.Text("readinessProbe", "httpGet", "path"));

        // It finds the replicas by the name of the headless service.
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(environment).Build();
        Assert.True(ReplicaSet.Discover(configuration).IsResolved);
        var replicas = Yaml.Load(Path.Combine(Base, "service.yaml")).Single();
        Assert.Equal("None", replicas.Text("spec", "clusterIP"));
        var port = replicas["spec"]!["ports"].Items().Single().Text("port");
        Assert.Equal($"http://{replicas.Text("metadata", "name")}:{port}", environment["services:point-api:http:0"]);
        // A headless name resolves to the pods themselves, so its port is theirs.
        Assert.Equal(Container["ports"].Items().Single().Text("containerPort"), port);
        AssertSame(Deployment["spec"]!["selector"]!["matchLabels"], replicas["spec"]!["selector"]);

        var ingress = Yaml.Load(Path.Combine(Base, "ingress.yaml")).Single()["spec"]!["rules"].Items().Single()["http"]!["paths"].Items().Single();
        Assert.Equal(objects["Service"].Text("metadata", "name"), ingress.Text("backend", "service", "name"));
        AssertSame(objects["Deployment"]["spec"]!["selector"]!["matchLabels"], objects["Service"]["spec"]!["selector"]);
        var drain = configuration.GetSection(DrainOptions.SectionName).Get<DrainOptions>()!;
        Assert.True(
            Number(objects["Deployment"].Text("spec", "template", "spec", "terminationGracePeriodSeconds")) >= (drain.Delay + drain.Timeout).TotalSeconds + 5);
    }

    [Fact]
    public void Settings_All_AreBoundByTheApi()
    {
        var values = Settings();
        foreach (var overlay in new[] { "production", "trial" })
        {
            var kustomization = Yaml.Load(Path.Combine(Root, "overlays", overlay, "kustomization.yaml")).Single();
            foreach (var literal in kustomization["configMapGenerator"].Items().SelectMany(map => map["literals"].Items()))
            {
                var (name, value) = Split(literal.GetValue<string>());
                values[name] = value;
            }
        }
        foreach (var variable in Container["env"].Items())
        {
            values[variable.Text("name")] = "";
        }
        var configuration = Configuration(values);

        Bind<DrainOptions>(configuration, DrainOptions.SectionName);
        Bind<BusinessOptions>(configuration, BusinessOptions.SectionName);
        Bind<AuthOptions>(configuration, AuthOptions.SectionName);
        Bind<JobOptions>(configuration, JobOptions.SectionName);
        Bind<LockingOptions>(configuration, LockingOptions.SectionName);
        string[] bound = [DrainOptions.SectionName, BusinessOptions.SectionName, AuthOptions.SectionName, JobOptions.SectionName, LockingOptions.SectionName];
        string[] single =
        [
            "DAPR_API_TOKEN", $"ConnectionStrings:{PersistenceExtensions.ConnectionName}", $"ConnectionStrings:{BalanceCache.ConnectionName}", "Replica:Name",
            TelemetryOptions.PrometheusKey,
        ];
        var others = configuration.AsEnumerable().Where(pair => pair.Value is not null).Select(pair => pair.Key)
            .Where(key => !bound.Contains(key.Split(':')[0]) && !single.Contains(key));
        Assert.All(others, key => Assert.Matches("^(ASPNETCORE|OTEL)_[A-Z_]+$", key));
        Assert.Equal("Production", Settings()["ASPNETCORE_ENVIRONMENT"]);
    }

    /// <summary>Each setting is one of those that docs/notifications.md lists, is bound, and is valid together with the others.</summary>
    [Fact]
    public void Notifications_Settings_AreBoundAndDocumented()
    {
        var folder = Path.Combine(Root, "components", "notifications");
        var deployment = Yaml.Load(Path.Combine(folder, "notifications.yaml")).Single(manifest => manifest.Text("kind") == "Deployment");
        var container = deployment["spec"]!["template"]!["spec"]!["containers"].Items().Single();
        var values = Settings(folder);
        foreach (var variable in container["env"].Items())
        {
            values[variable.Text("name")] = "value";
        }

        var configuration = Configuration(values);
        Bind<NotificationOptions>(configuration, NotificationOptions.SectionName);
        Assert.True(new FeedOptionsValidator().Validate(null, Bind<FeedOptions>(configuration, FeedOptions.SectionName)).Succeeded);
        Assert.True(new EmailOptionsValidator().Validate(null, Bind<EmailOptions>(configuration, EmailOptions.SectionName)).Succeeded);
        Bind<PushOptions>(configuration, PushOptions.SectionName);
        var documented = File.ReadAllText(Path.Combine(BuildOutputs.Repository, "docs", "notifications.md"));
        var options = (Type[])[typeof(FeedOptions), typeof(EmailOptions), typeof(PushOptions), typeof(NotificationOptions)];
        Assert.All(
            options.SelectMany(type => type.GetProperties().Where(property => property.GetMethod!.IsPublic)),
            property => Assert.Matches($"[`:]{property.Name}[`:]", documented));
        Assert.Equal(Extensions.LivePath, container.Text("livenessProbe", "httpGet", "path"));
        Assert.Equal(Extensions.ReadyPath, container.Text("readinessProbe", "httpGet", "path"));
        Assert.Equal(values["ASPNETCORE_HTTP_PORTS"], container["ports"].Items().Single().Text("containerPort"));
        Assert.Equal($"http://{Yaml.Load(Path.Combine(Base, "gateway.yaml"))[0].Text("metadata", "name")}", values["Feed__Address"]);
    }

    [Fact]
    public void Database_OfTheMigration_IsAnotherSecretThanThatOfTheReplicas()
    {
        var job = Yaml.Load(Path.Combine(Base, "migration-job.yaml")).Single()["spec"]!["template"]!["spec"]!["containers"].Items().Single();
        Assert.Equal("point-database", SecretOf(Container));
        Assert.Equal("point-database-owner", SecretOf(job));

        // The trial has a server of its own, which creates the user of the replicas.
        var trial = Yaml.Load(Path.Combine(Root, "overlays", "trial", "postgres.yaml"));
        var users = trial.Single(manifest => manifest.Text("kind") == "ConfigMap");
        Assert.Contains($"CREATE ROLE {DatabaseRoles.Api} NOLOGIN;", users.Text("data", "users.sh"), StringComparison.Ordinal);
        Assert.Contains($" IN ROLE {DatabaseRoles.Api};", users.Text("data", "users.sh"), StringComparison.Ordinal);
        var server = trial.Single(manifest => manifest.Text("kind") == "StatefulSet")["spec"]!["template"]!["spec"]!;
        Assert.Equal(users.Text("metadata", "name"), server["volumes"].Items().Single(volume => volume["configMap"] is not null).Text("configMap", "name"));

        static string SecretOf(JsonNode container) => container["env"].Items()
            .Single(variable => ConfigKey(variable.Text("name")) == $"ConnectionStrings:{PersistenceExtensions.ConnectionName}")
            .Text("valueFrom", "secretKeyRef", "name");
    }

    [Fact]
    public void Shutdown_TimesOfApiSidecarAndPod_FitTogether()
    {
        var drain = Configuration(Settings()).GetSection(DrainOptions.SectionName).Get<DrainOptions>()!;
        var annotations = Pod["metadata"]!["annotations"]!;
        var sidecarServes = TimeSpan.FromSeconds(Number(annotations.Text("dapr.io/block-shutdown-duration").TrimEnd('s')));
        var sidecarEnds = sidecarServes + TimeSpan.FromSeconds(Number(annotations.Text("dapr.io/graceful-shutdown-seconds")));
        var grace = TimeSpan.FromSeconds(Number(Pod.Text("spec", "terminationGracePeriodSeconds")));
        var probe = Container["readinessProbe"]!;
        var noticed = TimeSpan.FromSeconds(Number(probe.Text("periodSeconds")) * Number(probe.Text("failureThreshold")));

        Assert.True(drain.Delay > noticed);
        Assert.True(sidecarServes >= drain.Delay + drain.Timeout);
        Assert.True(grace >= drain.Delay + drain.Timeout + TimeSpan.FromSeconds(5));
        Assert.True(grace >= sidecarEnds);
    }

    [Fact]
    public void Sidecar_Configuration_EqualsTheComponentsFolderAndIsLean()
    {
        var here = Yaml.Load(Path.Combine(Base, "dapr-configuration.yaml")).Single();
        var there = Yaml.Load(Path.Combine(BuildOutputs.Components, SidecarSpecs.ConfigurationFile)).Single();

        AssertSame(there, here);
        Assert.Equal("dapr.io/v1alpha1", there.Text("apiVersion"));
        Assert.Equal("Configuration", there.Text("kind"));
        Assert.Equal("false", there.Text("spec", "metrics", "enabled"));
        // Not 0, which would switch off the spans of sampled callers, too.
        Assert.InRange(
            double.Parse(there.Text("spec", "tracing", "samplingRate"), System.Globalization.CultureInfo.InvariantCulture), double.Epsilon, 0.01);
        Assert.Equal(here.Text("metadata", "name"), Pod.Text("metadata", "annotations", "dapr.io/config"));
        Assert.Contains(
            $"{SidecarSpecs.GcVariable}={SidecarSpecs.GcPercent}", Pod.Text("metadata", "annotations", "dapr.io/env").Split(','), StringComparer.Ordinal);
    }

    [Fact]
    public void Sidecar_AppIdComponentAndResiliency_EqualTheComponentsFolder()
    {
        Assert.Equal(SidecarSpecs.AppId, Pod.Text("metadata", "annotations", "dapr.io/app-id"));
        var here = Yaml.Load(Path.Combine(Base, "dapr-lockstore.yaml")).Single();
        var there = Yaml.Load(Path.Combine(BuildOutputs.Repository, "components", "lockstore.yaml")).Single();
        // Only the address and the user of Redis come from a secret.
        string[] secret = ["redisHost", "redisUsername", "redisPassword"];
        Assert.Equal(Metadata(there).Where(item => !secret.Contains(item.Key)), Metadata(here).Where(item => !secret.Contains(item.Key)));
        Assert.All(here["spec"]!["metadata"].Items().Where(item => secret.Contains(item.Text("name"))), item => Assert.NotNull(item["secretKeyRef"]));
        foreach (var key in new[] { "type", "version", "ignoreErrors" })
        {
            Assert.Equal(there.Text("spec", key), here.Text("spec", key));
        }
        Assert.Equal(there.Text("metadata", "name"), here.Text("metadata", "name"));
        AssertSame(
            Yaml.Load(Path.Combine(BuildOutputs.Repository, "components", "resiliency.yaml")).Single()["spec"],
            Yaml.Load(Path.Combine(Base, "dapr-resiliency.yaml")).Single()["spec"]);
    }

    [Fact]
    public void Alerts_OfThePrometheusOperator_AreTheTestedOnes() => AssertSame(
        Yaml.Load(Path.Combine(BuildOutputs.Repository, "deploy", "prometheus", "alerts.yml")).Single()["groups"],
        Yaml.Load(Path.Combine(Root, "components", "monitoring", "alerts.yaml")).Single()["spec"]!["groups"]);

    [Fact]
    public void Containers_All_RunAsNobodyInParticularAndCannotWriteButWhereTheyMust()
    {
        var pods = Directory.EnumerateFiles(Root, "*.yaml", SearchOption.AllDirectories).SelectMany(Yaml.Load)
            .Select(manifest => manifest["spec"]?["template"]?["spec"]).Where(pod => pod?["containers"] is not null).ToList();

        Assert.Equal(6, pods.Count);
        Assert.All(pods, pod =>
        {
            var context = pod!["securityContext"]!;
            Assert.Equal("true", context.Text("runAsNonRoot"));
            Assert.Equal("RuntimeDefault", context.Text("seccompProfile", "type"));
            Assert.All(pod["containers"].Items().Concat(pod["initContainers"].Items()), container =>
            {
                var own = container["securityContext"]!;
                Assert.True(Number((own["runAsUser"] ?? context["runAsUser"])!.GetValue<string>()) > 0);
                Assert.Equal("true", own.Text("readOnlyRootFilesystem"));
                Assert.Equal("false", own.Text("allowPrivilegeEscalation"));
                Assert.Equal(["ALL"], own["capabilities"]!["drop"].Items().Select(capability => capability.GetValue<string>()));
                Assert.Null(own["privileged"]);
                Assert.Null(own["capabilities"]!["add"]);
                // Kubernetes puts $(NAME) into the command line, which every process of the pod can read.
                var secret = container["env"].Items()
                    .Where(variable => variable["valueFrom"]?["secretKeyRef"] is not null).Select(variable => variable.Text("name"));
                var command = string.Join(' ', container["command"].Items().Concat(container["args"].Items()).Select(part => part.GetValue<string>()));
                Assert.All(secret, name => Assert.DoesNotContain($"$({name})", command, StringComparison.Ordinal));
            });
            Assert.All(pod["volumes"].Items(), volume => Assert.NotNull(volume["emptyDir"] ?? volume["configMap"]));
            Assert.Null(pod["hostNetwork"]);
            Assert.Null(pod["hostPID"]);
        });
    }

    [Fact]
    public void Sidecar_ApiToken_IsTheOneThatTheApiSends()
    {
        var variable = Container["env"].Items().Single(item => item.Text("name") == "DAPR_API_TOKEN");

        Assert.Equal(Pod.Text("metadata", "annotations", "dapr.io/api-token-secret"), variable.Text("valueFrom", "secretKeyRef", "name"));
        // The key that Dapr reads.
        Assert.Equal("token", variable.Text("valueFrom", "secretKeyRef", "key"));
    }

    [Fact]
    public async Task Production_BuiltByKustomize_HasEveryPartAndPinnedImages()
    {
        var kubectl = Needs.Program("kubectl");
        await using var process = ChildProcess.Start(kubectl, ["kustomize", Path.Combine(Root, "overlays", "production")]);
        await process.WaitForExitAsync(Token);
        Assert.True(process.ExitCode == 0, process.Output);

        var manifests = Yaml.Parse(process.Output);
        string[] kinds =
        [
            "Component", "ConfigMap", "ConfigMap", "Configuration", "Deployment", "Deployment", "Deployment", "HorizontalPodAutoscaler", "Ingress", "Job", "Namespace",
            "NetworkPolicy", "NetworkPolicy", "NetworkPolicy", "NetworkPolicy", "PodDisruptionBudget", "PodDisruptionBudget", "PodMonitor", "PrometheusRule", "Resiliency", "Service", "Service", "ServiceAccount",
        ];
        Assert.Equal(kinds, manifests.Select(manifest => manifest.Text("kind")).Order(StringComparer.Ordinal));
        var pods = manifests.Where(manifest => manifest["spec"]?["template"] is not null).ToList();
        var maps = manifests.Where(manifest => manifest.Text("kind") == "ConfigMap").Select(manifest => manifest.Text("metadata", "name")).ToList();
        Assert.All(pods.SelectMany(pod => pod["spec"]!["template"]!["spec"]!["containers"].Items()), container =>
        {
            Assert.Matches(":[^:]+$", container.Text("image"));
            Assert.DoesNotContain("latest", container.Text("image"), StringComparison.Ordinal);
            if (container.Text("name") != "gateway")
            {
                // The name of the config map changes with its content, and the reference follows.
                Assert.Contains(container["envFrom"].Items().Single().Text("configMapRef", "name"), maps);
            }
            Assert.Equal("true", container.Text("securityContext", "readOnlyRootFilesystem"));
        });
        Assert.Equal(4, pods.Count);
        var lockStore = manifests.Single(manifest => manifest.Text("kind") == "Component")["spec"]!["metadata"].Items();
        Assert.Contains(lockStore, item => item.Text("name") == "enableTLS" && item.Text("value") == "true");
    }

    private static Dictionary<string, string> Settings(string? folder = null) => File.ReadLines(Path.Combine(folder ?? Base, "settings.env"))
        .Where(line => line.Length > 0 && line[0] != '#').Select(Split).ToDictionary(pair => pair.Name, pair => pair.Value);

    private static (string Name, string Value) Split(string line)
    {
        var at = line.IndexOf('=', StringComparison.Ordinal);
        return (line[..at], line[(at + 1)..]);
    }

    private static string ConfigKey(string variable) => variable.Replace("__", ":", StringComparison.Ordinal);

    private static IConfigurationRoot Configuration(Dictionary<string, string> variables) => new ConfigurationBuilder()
        .AddInMemoryCollection(variables.Select(pair => KeyValuePair.Create(ConfigKey(pair.Key), (string?)pair.Value))).Build();

    // A setting without a property of the options class is an error.
    private static T Bind<T>(IConfiguration configuration, string section)
        where T : class, new()
    {
        var options = new T();
        configuration.GetSection(section).Bind(options, binder => binder.ErrorOnUnknownConfiguration = true);
        return options;
    }

    private static IEnumerable<KeyValuePair<string, string?>> Metadata(JsonNode component) => component["spec"]!["metadata"].Items()
        .Select(item => KeyValuePair.Create(item.Text("name"), item["value"]?.GetValue<string>()));

    private static int Number(string text) => int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    private static void AssertSame(JsonNode? expected, JsonNode? actual) =>
        Assert.True(JsonNode.DeepEquals(expected, actual), $"{expected}\n\nis not\n\n{actual}");
}
